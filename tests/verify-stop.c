/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever judges a device ends when it is told to, and leaves no file. */
#include <clade/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

/* Answer yes from a given question on. */
struct stop {
    int asked, first;
};

static bool stop(void *arg)
{
    struct stop *s = arg;

    return ++s->asked >= s->first;
}

static clade_status ops(clade_backend *be, struct stop *s)
{
    const struct clade_verify_ops options = {
        .quick = true, .match = "softmax_fwd", .stop = stop, .arg = s
    };
    struct clade_verify_summary summary;

    return clade_verify_ops(&summary, be, &options);
}

static clade_status step(clade_backend *be, struct stop *s)
{
    const struct clade_verify_step options = {
        .batch = 1, .seed = 1, .stop = stop, .arg = s
    };
    struct clade_verify_summary summary;

    return clade_verify_step(&summary, be, &options);
}

static clade_status record(clade_backend *be, struct stop *s)
{
    const struct clade_record options = { .file = "verify-stop.json",
                                          .batch = 1,
                                          .steps = 3,
                                          .seed = 1,
                                          .stop = stop,
                                          .arg = s };

    return clade_record_write(be, &options);
}

static clade_status against(clade_backend *be, struct stop *s)
{
    const char *source = getenv("SRCDIR");
    struct clade_against options = { .stop = stop, .arg = s };
    char file[512];

    snprintf(file, sizeof(file), "%s/tests/ref/keras-float64-b2-s5-seed1.json",
             source ? source : ".");
    options.file = file;
    return clade_verify_against(be, &options);
}

static clade_status training(clade_backend *be, struct stop *s)
{
    const struct clade_verify_train options = {
        .reference = "cpu", .batch = 1, .steps = 3, .stop = stop, .arg = s
    };

    return clade_verify_train(be, &options);
}

static clade_status envelope(clade_backend *be, struct stop *s)
{
    const struct clade_verify_train options = {
        .reference = "cpu", .batch = 1, .steps = 3, .stop = stop, .arg = s
    };

    return clade_envelope_make(be, "verify-stop.json", 3, &options);
}

/* clang-format off */
static const struct {
    const char *name;
    clade_status (*judge)(clade_backend *be, struct stop *s);
    int first; /* the first question that is answered yes */
} cases[] = {
    { "ops, after two cases",               ops,      3 },
    { "a step, before it",                  step,     1 },
    { "a step, while it is watched",        step,     5 },
    { "a record, after a step",             record,   2 },
    { "against a record, before a step",    against,  1 },
    { "a training, before the reference's", training, 1 },
    { "an envelope, before the reference's", envelope, 1 },
};
/* clang-format on */
enum { CASES = sizeof(cases) / sizeof(*cases) };

int main(void)
{
    clade_backend *be;

    if (clade_backend_open(&be, "cpu"))
        tap_bail("cpu: %s", clade_error());
    tap_plan(CASES);
    for (int i = 0; i < CASES; i++) {
        struct stop s = { .first = cases[i].first };
        const clade_status st = cases[i].judge(be, &s);

        tap_ok(st == CLADE_EINTERRUPTED && s.asked == s.first &&
                   access("verify-stop.json", F_OK),
               "%s: %s, asked %d times", cases[i].name,
               st ? clade_error() : "went on", s.asked);
    }
    clade_backend_close(be);
    return tap_done();
}
