/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a case on a device so that nothing it does goes unseen.  There are guards
 * around its buffers and NaN in its outputs.  It runs three times with programs
 * from their cached binaries, with other work between and other contents in
 * scratch.  A fourth run, once for each program, uses the program built from
 * its source.
 */
#include "verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "status.h"

#define RUNS        3
#define GUARD_BYTES 256
#define OTHER       4096 /* parameters that the work between runs updates */

/* An op with its programs from one place. */
struct made {
    clade_task *op, *pack; /* pack: NULL where no filter is packed */
};

/* The device's side of a case. */
struct rig {
    clade_backend *be;
    struct verify_host *host;
    struct backend_debug own;     /* used if the backend has none */
    struct backend_debug *debug;  /* what the backend uses meanwhile */
    struct backend_debug *before; /* what it had before */
    enum backend_build build;     /* how that built */
    bool integers;                /* and its points */
    struct clade_op op;
    struct made cached, source;
    bool fresh; /* some program of it was new to this backend */
    struct clade_buffer *buffer[CLADE_ROLES];
    clade_task *other; /* an update, done between runs; NULL: none is */
    struct clade_buffer *other_buffer; /* the parameters of `other` */
    struct clade_step other_step;
    void *seen[RUNS - 1][CLADE_ROLES]; /* outputs of the earlier runs */
};

static unsigned outputs(const struct rig *rig)
{
    return clade_op_outputs(rig->op.kind);
}

/* Allocate scratch, with a guard behind it. */
static clade_status add_scratch(struct rig *rig, enum clade_role role,
                                size_t bytes)
{
    const size_t elements = (bytes + 3) / 4; /* an int's: settle sees to it */
    clade_status st;

    if (!bytes)
        return CLADE_OK;
    st = clade_backend_alloc(rig->be, &rig->buffer[role],
                             elements * 4 + GUARD_BYTES, CLADE_MEMORY_DEVICE);
    if (!st)
        rig->op.t[role] = clade_tensor_at(rig->buffer[role], 0, 1, 1, 1,
                                          (int)elements, CLADE_F32);
    return st;
}

static clade_status make_pack(struct made *made, struct rig *rig)
{
    struct clade_op pack;
    clade_status st;

    if (!rig->op.packed)
        return CLADE_OK;
    st = clade_op_filter_pack(&pack, &rig->op);
    return st ? st : backend_prepare(rig->be, &made->pack, &pack);
}

/* Prepare the op last: a triage asks only about its own launches. */
static clade_status make(struct made *made, struct rig *rig,
                         enum backend_build build)
{
    clade_status st;

    rig->debug->build = build;
    st = make_pack(made, rig);
    rig->debug->regrouped = rig->debug->foreign = 0;
    return st ? st : backend_prepare(rig->be, &made->op, &rig->op);
}

static void release(struct made *made, clade_backend *be)
{
    clade_backend_release(be, made->op);
    clade_backend_release(be, made->pack);
}

static clade_status add_both_scratches(struct rig *rig)
{
    clade_status st = add_scratch(rig, CLADE_WORKSPACE, rig->op.workspace);

    return st ? st
              : add_scratch(rig, CLADE_PACKED, rig->op.packed * sizeof(float));
}

/* Build from the source first, so that the program is in the cache. */
static clade_status prepare(struct rig *rig, const char *algorithm)
{
    const int programs = rig->debug->programs;
    clade_status st;

    st = clade_backend_choose(rig->be, &rig->op, algorithm);
    if (!st)
        st = add_both_scratches(rig);
    if (!st)
        st = make(&rig->source, rig, BUILD_SOURCE);
    rig->fresh = rig->debug->programs > programs;
    return st ? st : make(&rig->cached, rig, BUILD_CACHED);
}

static clade_status prepare_other(struct rig *rig)
{
    struct clade_tensor t[3];
    struct clade_op op;
    clade_status st;

    st = clade_backend_alloc(rig->be, &rig->other_buffer,
                             3 * OTHER * sizeof(float), CLADE_MEMORY_DEVICE);
    for (int i = 0; i < 3 && !st; i++)
        t[i] = clade_tensor_at(rig->other_buffer, i * OTHER, 1, 1, 1, OTHER,
                               CLADE_F32);
    rig->other_step.learning_rate = 0.5f;
    if (!st)
        st = clade_op_sgd(&op, t[0], t[1], t[2], 0.5f, &rig->other_step);
    if (!st)
        st = clade_backend_choose(rig->be, &op, NULL);
    return st ? st : clade_backend_prepare(rig->be, &rig->other, &op);
}

/* Let the backend count and build as this file wants; write the case's tensors
 * to the device. */
static clade_status setup(struct rig *rig)
{
    clade_status st;

    rig->before = rig->be->debug;
    rig->debug = rig->be->debug = rig->before ? rig->before : &rig->own;
    rig->build = rig->debug->build;
    rig->integers = rig->debug->integers;
    rig->debug->integers = rig->host->integers;
    rig->op = rig->host->op;
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct verify_area *a = &rig->host->area[role];

        if (!a->bytes)
            continue;
        st = clade_backend_alloc(rig->be, &rig->buffer[role], a->bytes,
                                 CLADE_MEMORY_DEVICE);
        if (!st)
            st = clade_backend_write(rig->be, rig->buffer[role], 0, a->before,
                                     a->bytes);
        if (st)
            return st;
        rig->op.t[role].buffer = rig->buffer[role];
    }
    return CLADE_OK;
}

/* What scratch holds before run `run`.  It must not matter. */
static uint32_t poison_of(int run)
{
    static const uint32_t words[RUNS] = { 0x7fc00000u, 0u, 0x7f7fffffu };

    return words[run];
}

static clade_status poison_scratch(struct rig *rig, enum clade_role role,
                                   int run)
{
    const size_t bytes = (size_t)rig->op.t[role].c * 4;
    clade_status st;

    if (!rig->buffer[role])
        return CLADE_OK;
    st = clade_backend_fill(rig->be, rig->buffer[role], 0, bytes,
                            poison_of(run));
    return st ? st
              : clade_backend_fill(rig->be, rig->buffer[role], bytes,
                                   GUARD_BYTES, VERIFY_GUARD);
}

/* Restore outputs, change the contents of scratch, and do other work. */
static clade_status reset(struct rig *rig, int run)
{
    clade_status st = poison_scratch(rig, CLADE_WORKSPACE, run);

    if (!st)
        st = poison_scratch(rig, CLADE_PACKED, run);
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        const struct verify_area *a = &rig->host->area[role];

        if (a->bytes && outputs(rig) & 1u << role)
            st = clade_backend_write(rig->be, rig->buffer[role], 0, a->before,
                                     a->bytes);
    }
    if (!st && rig->other)
        st = clade_backend_fill(rig->be, rig->other_buffer, 0,
                                3 * OTHER * sizeof(float), poison_of(run));
    if (!st && rig->other)
        st = clade_backend_run(rig->be, rig->other);
    return st ? st : clade_backend_finish(rig->be);
}

static clade_status run_once(struct rig *rig, const struct made *made, int run,
                             double *seconds)
{
    clade_status st = reset(rig, run);
    double start;

    if (!st && made->pack)
        st = clade_backend_run(rig->be, made->pack);
    if (!st)
        st = clade_backend_finish(rig->be);
    if (st)
        return st;
    start = clock_now();
    st = clade_backend_run(rig->be, made->op);
    if (!st)
        st = clade_backend_finish(rig->be);
    *seconds = clock_now() - start;
    return st;
}

static clade_status read_back(void **image, struct rig *rig,
                              enum clade_role role)
{
    const size_t bytes = rig->host->area[role].bytes;

    if (!*image)
        *image = malloc(bytes);
    if (!*image)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %zu bytes",
                          bytes);
    return clade_backend_read(rig->be, *image, rig->buffer[role], 0, bytes);
}

/* The offset of an element in bytes. */
static size_t byte_of(const struct clade_tensor *t, int64_t i)
{
    return clade_tensor_element(t, i) * clade_type_size(t->type);
}

/* Whether nothing but the elements of an output has changed.  `scratch` becomes
 * a copy of the image with the elements as they were. */
static bool guards_hold(void *scratch, const void *image,
                        const struct verify_area *a,
                        const struct clade_tensor *t)
{
    const int64_t rows = clade_tensor_pixels(t);
    const size_t row = t->c * clade_type_size(t->type);

    memcpy(scratch, image, a->bytes);
    for (int64_t i = 0; i < rows; i++) {
        const size_t at = byte_of(t, i * t->c);

        memcpy((char *)scratch + at, (const char *)a->before + at, row);
    }
    return !memcmp(scratch, a->before, a->bytes);
}

static clade_status check_guards(struct clade_verdict *v, struct rig *rig,
                                 void *after[CLADE_ROLES])
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct verify_area *a = &rig->host->area[role];
        void *scratch;

        if (!a->bytes)
            continue;
        if (!(outputs(rig) & 1u << role)) {
            if (memcmp(after[role], a->before, a->bytes))
                verify_blame(v, CLADE_FAILED, "its input %s was written to",
                             clade_role_name(role));
            continue;
        }
        scratch = malloc(a->bytes);
        if (!scratch)
            return clade_fail(CLADE_ENOMEM, "verify: no memory for guards");
        if (!guards_hold(scratch, after[role], a, &rig->host->op.t[role]))
            verify_blame(v, CLADE_FAILED, "it wrote outside of %s",
                         clade_role_name(role));
        free(scratch);
    }
    return CLADE_OK;
}

/* The guard behind scratch must be unchanged. */
static clade_status check_scratch(struct clade_verdict *v, struct rig *rig,
                                  enum clade_role role)
{
    uint32_t words[GUARD_BYTES / 4];
    clade_status st;

    if (!rig->buffer[role])
        return CLADE_OK;
    st = clade_backend_read(rig->be, words, rig->buffer[role],
                            (size_t)rig->op.t[role].c * 4, sizeof(words));
    for (size_t i = 0; !st && i < GUARD_BYTES / 4; i++)
        if (words[i] != VERIFY_GUARD)
            verify_blame(v, CLADE_FAILED, "it wrote behind its %s",
                         clade_role_name(role));
    return st;
}

static void compare_runs(struct clade_verdict *v, const struct rig *rig,
                         void *after[CLADE_ROLES])
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!rig->host->area[role].bytes || !(outputs(rig) & 1u << role))
            continue;
        for (int run = 0; run < RUNS - 1; run++)
            if (memcmp(rig->seen[run][role], after[role],
                       rig->host->area[role].bytes))
                verify_blame(v, CLADE_FAILED,
                             "%s: runs %d and %d of the same work differ",
                             clade_role_name(role), run + 1, RUNS);
    }
}

/* Do the same work with the program built from its source. */
static clade_status run_source(struct clade_verdict *v, struct rig *rig,
                               void *after[CLADE_ROLES])
{
    double seconds;
    clade_status st;

    st = run_once(rig, &rig->source, 0, &seconds);
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        const size_t bytes = rig->host->area[role].bytes;
        void *image = NULL;

        if (!bytes || !(outputs(rig) & 1u << role))
            continue;
        st = read_back(&image, rig, role);
        if (!st && memcmp(image, after[role], bytes))
            verify_blame(v, CLADE_FAILED,
                         "%s: the program from its cached binary and that "
                         "from its source differ",
                         clade_role_name(role));
        free(image);
    }
    return st;
}

static clade_status check_bounds(struct clade_verdict *v, struct rig *rig,
                                 void *after[CLADE_ROLES])
{
    clade_status st = check_guards(v, rig, after);

    if (!st)
        st = check_scratch(v, rig, CLADE_WORKSPACE);
    return st ? st : check_scratch(v, rig, CLADE_PACKED);
}

static clade_status run_all(void *after[CLADE_ROLES], struct clade_verdict *v,
                            struct rig *rig)
{
    clade_status st = CLADE_OK;

    for (int run = 0; run < RUNS && !st; run++) {
        double seconds;

        st = run_once(rig, &rig->cached, run, &seconds);
        if (!st && (!run || seconds < v->seconds))
            v->seconds = seconds;
        for (int role = 0; role < CLADE_ROLES && !st; role++) {
            const bool last = run == RUNS - 1;

            if (rig->host->area[role].bytes &&
                (last || outputs(rig) & 1u << role))
                st = read_back(last ? &after[role] : &rig->seen[run][role], rig,
                               role);
        }
    }
    if (!st)
        st = check_bounds(v, rig, after);
    if (!st)
        compare_runs(v, rig, after);
    return st || !rig->fresh ? st : run_source(v, rig, after);
}

static void take_down(struct rig *rig)
{
    release(&rig->cached, rig->be);
    release(&rig->source, rig->be);
    clade_backend_release(rig->be, rig->other);
    for (int role = 0; role < CLADE_ROLES; role++) {
        clade_backend_free(rig->be, rig->buffer[role]);
        for (int run = 0; run < RUNS - 1; run++)
            free(rig->seen[run][role]);
    }
    clade_backend_free(rig->be, rig->other_buffer);
    rig->debug->build = rig->build;
    rig->debug->integers = rig->integers;
    rig->be->debug = rig->before;
}

/* What was chosen, for the verdict and for its judge. */
static void note_choice(struct clade_verdict *v, struct rig *rig,
                        const char *algorithm)
{
    v->algorithm =
        rig->op.choice.algorithm ? rig->op.choice.algorithm : algorithm;
    v->depth = rig->host->op.depth = rig->op.depth;
    rig->host->op.depth_db = rig->op.depth_db;
    rig->host->op.winograd = rig->op.winograd;
}

clade_status verify_run(void *after[CLADE_ROLES], struct clade_verdict *v,
                        clade_backend *be, struct verify_host *host,
                        const char *algorithm)
{
    struct rig rig = { .be = be, .host = host };
    clade_status st = setup(&rig);

    if (!st)
        st = prepare_other(&rig);
    if (!st)
        st = prepare(&rig, algorithm);
    note_choice(v, &rig, algorithm);
    if (!st)
        st = run_all(after, v, &rig);
    take_down(&rig);
    return st;
}

clade_status verify_run_once(void *after[CLADE_ROLES], struct clade_verdict *v,
                             clade_backend *be, struct verify_host *host,
                             const struct clade_choice *choice)
{
    struct rig rig = { .be = be, .host = host };
    clade_status st = setup(&rig);

    if (!st)
        st = backend_choose_as(be, &rig.op, choice);
    if (!st)
        st = add_both_scratches(&rig);
    if (!st)
        st = make(&rig.cached, &rig, BUILD_EITHER);
    note_choice(v, &rig, choice->algorithm);
    if (!st)
        st = run_once(&rig, &rig.cached, 0, &v->seconds);
    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (host->area[role].bytes)
            st = read_back(&after[role], &rig, role);
    if (!st)
        st = check_bounds(v, &rig, after);
    take_down(&rig);
    return st;
}
