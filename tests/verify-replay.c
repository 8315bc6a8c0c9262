/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step's failure leaves its op's inputs in a file.  With these, the op alone
 * fails as well, and passes without the fault.  A triage says who is suspect.
 * A spoilt file is refused.
 */
#include <clade/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"
#include "folder.h"
#include "tap.h"
#include "tested.h"
#include "verify/verify.h"

#define TRIPS (CLADE_OP_KINDS - 1) /* all but the filters' packing */

static char *folder;

/* A bias' gradient leaves out its last block: the first op to fail makes it
 * beside a filter's. */
static const struct fault fault = { .file = "bias.cl",
                                    .find = "for (int b = 0; b < blocks; b++)",
                                    .replace =
                                        "for (int b = 0; b < blocks - 1; "
                                        "b++)" };

struct result {
    struct clade_verdict first; /* to fail */
    int failed, passed, unwatched;
};

static void add(void *arg, const struct clade_verdict *v)
{
    struct result *r = arg;

    if (v->outcome && !r->failed++)
        r->first = *v;
    r->passed += !v->outcome;
    r->unwatched += v->outcome && !strcmp(v->op, "step");
}

static clade_status replay(struct result *r, clade_backend *be,
                           const char *file)
{
    const struct clade_verify_ops options = { .report = add, .arg = r };
    struct clade_verify_summary summary;

    *r = (struct result){ .failed = 0 };
    return clade_verify_op(&summary, be, file, &options);
}

/* Run the step with the fault, then the op of its first file, also with the
 * fault. */
static void test_faulty(char file[512], const char *device)
{
    struct result r = { .failed = 0 };
    const struct clade_verify_step options = { .dump = folder,
                                               .triage = true,
                                               .batch = 1,
                                               .seed = 1,
                                               .report = add,
                                               .arg = &r };
    struct clade_verify_summary summary;
    clade_backend *be;
    clade_status st;

    if (!fault_begin(&fault))
        tap_bail("%s", fault_error());
    if (clade_backend_open(&be, device))
        tap_bail("%s", clade_error());
    st = clade_verify_step(&summary, be, &options);
    tap_ok(st == CLADE_EBOUND && !strcmp(r.first.op, "conv_bwd_filter") &&
               !strncmp(r.first.message, "db: ", 4),
           "a bias' gradient fails in a step: %s", clade_error());
    tap_ok(!r.unwatched, "looking into it isn't seen by what watches the step");
    tap_ok(strstr(r.first.triage, "suspect") != NULL, "its triage: %s",
           r.first.triage);
    tap_ok(!access(r.first.file, R_OK), "its inputs are in %s",
           strrchr(r.first.file, '/') ? strrchr(r.first.file, '/') + 1 : "");
    snprintf(file, 512, "%s", r.first.file);
    tap_ok(replay(&r, be, file) == CLADE_EBOUND && r.failed && !r.passed &&
               !strcmp(r.first.file, file),
           "the op alone fails with those: %s", r.first.message);
    clade_backend_close(be);
    fault_end();
}

static void test_honest(const char *file, const char *device)
{
    struct result r;
    clade_backend *be;
    clade_status st;

    if (clade_backend_open(&be, device))
        tap_bail("%s", clade_error());
    st = replay(&r, be, file);
    tap_ok(!st && r.passed, "without the fault it passes");
    clade_backend_close(be);
}

/* Write each kind of op of the reduced cases to a file, and read it. */
static void test_round_trips(const char *device)
{
    bool seen[CLADE_OP_KINDS] = { false };
    struct op_cases cases;
    clade_backend *be;

    if (verify_cases_quick(&cases) || clade_backend_open(&be, device))
        tap_bail("%s", clade_error());
    for (int i = 0; i < cases.count; i++) {
        const struct op_case *c = &cases.list[i];
        struct clade_verdict v = { .algorithm = "none" };
        struct verify_host *host;
        struct result r = { .passed = 0 };
        char *path;

        if (seen[c->kind])
            continue;
        seen[c->kind] = true;
        snprintf(v.name, sizeof(v.name), "%s", c->name);
        path = verify_dump_path(folder, &v);
        if (!path || verify_host_new(&host, c) ||
            verify_dump(folder, c, host, &v, be))
            tap_bail("%s", clade_error());
        verify_host_free(host);
        tap_ok(!replay(&r, be, path) && r.passed && !r.failed,
               "%s, written and read", c->name);
        remove(path);
        free(path);
    }
    clade_backend_close(be);
    free(cases.list);
}

/* Change one text of the file into another of the same length: it must be
 * refused. */
static void test_refused(const char *file, const char *from, const char *to,
                         const char *why)
{
    char bad[600], text[65536];
    struct result r;
    clade_backend *be;
    FILE *f = fopen(file, "rb");
    size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
    char *at = NULL;
    clade_status st;

    for (size_t i = 0; i + strlen(from) <= n && !at; i++)
        if (!memcmp(text + i, from, strlen(from)))
            at = text + i;
    if (!at || strlen(from) != strlen(to))
        tap_bail("%s: no `%s`", file, from);
    memcpy(at, to, strlen(to));
    fclose(f);
    snprintf(bad, sizeof(bad), "%s/bad.safetensors", folder);
    f = fopen(bad, "wb");
    if (!f || fwrite(text, 1, n, f) != n || fclose(f) ||
        clade_backend_open(&be, "cpu"))
        tap_bail("%s", bad);
    st = replay(&r, be, bad);
    tap_ok(st == CLADE_EDATA && strstr(clade_error(), "bad.safetensors"),
           "%s is refused: %s", why, clade_error());
    clade_backend_close(be);
    remove(bad);
}

/* Files of dumps small enough to be read whole, with one text changed. */
static const struct {
    enum clade_op_kind kind;
    const char *from, *to, *why;
} refused[] = {
    { CLADE_LOSS_FWD, "clade-op/2", "clade-op/1", "another format" },
    { CLADE_LOSS_FWD, "\"loss_fwd:", "\"loss_fly:", "another op" },
    { CLADE_LOSS_FWD, "fwd:2x", "fwd:0x", "no image" },
    { CLADE_LOSS_FWD, "fwd:2x", "fwd:3x", "one image too many" },
    { CLADE_LOSS_FWD, "1x1x10:", "1x1x1x:", "a number that is none" },
    { CLADE_LOSS_FWD, "step\":\"1", "step\":\"x", "a step that is none" },
    { CLADE_LOSS_FWD, "\"label\"", "\"lebal\"", "a missing role" },
    { CLADE_MAXPOOL_FWD, "7x7x24:", "8x7x24:", "a shape that does not fit" },
};
enum { REFUSED = sizeof(refused) / sizeof(*refused) };

static void test_bad_file(clade_backend *be, const struct op_cases *cases,
                          int k)
{
    struct clade_verdict v = { .name = "small", .algorithm = "none" };
    struct verify_host *host;
    int i = 0;

    while (cases->list[i].kind != refused[k].kind)
        i++;
    if (verify_host_new(&host, &cases->list[i]) ||
        verify_dump(folder, &cases->list[i], host, &v, be))
        tap_bail("%s", clade_error());
    test_refused(v.file, refused[k].from, refused[k].to, refused[k].why);
    verify_host_free(host);
    remove(v.file);
}

static void test_bad_files(void)
{
    struct op_cases cases;
    clade_backend *be;

    if (verify_cases_quick(&cases) || clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    for (int k = 0; k < REFUSED; k++)
        test_bad_file(be, &cases, k);
    free(cases.list);
    clade_backend_close(be);
}

int main(void)
{
    const char *device = tested_name();
    char file[512];

    clade_backend_close(tested_need());
    folder = folder_new("replay-test");
    tap_plan(6 + TRIPS + REFUSED);
    test_round_trips(device);
    test_bad_files();
    if (strncmp(device, "cpu", 3)) {
        test_faulty(file, device);
        test_honest(file, device);
    } else {
        for (int i = 0; i < 6; i++)
            tap_skip("the reference has no driver to be at fault");
    }
    folder_remove(folder);
    return tap_done();
}
