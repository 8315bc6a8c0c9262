/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a case on a device so that nothing it does goes unseen: guards
 * around its buffers, NaN in its outputs, three runs with other work and other
 * scratch between, all of programs from their cached binaries; and a fourth,
 * once a program, of the program built from its source.
 */
#include "verify/verify.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status.h"

#define RUNS        3
#define GUARD_BYTES 256
#define OTHER       4096 /* parameters that the work between runs updates */

/* The device's side of a case. */
struct bench {
    clade_backend *be;
    const struct verify_host *host;
    struct clade_op op, pack;
    bool fresh; /* some program of it hasn't been built from source before */
    struct clade_buffer *buffer[CLADE_ROLES];
    struct clade_op other;             /* an update, done between runs, */
    struct clade_buffer *other_buffer; /* of these */
    struct clade_step other_step;
    void *seen[RUNS - 1][CLADE_ROLES]; /* outputs of the earlier runs */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static unsigned outputs(const struct bench *b)
{
    return clade_op_outputs(b->op.kind);
}

/* Scratch of the run's own, with a guard behind it. */
static clade_status add_scratch(struct bench *b, enum clade_role role,
                                size_t bytes)
{
    const int elements = (int)((bytes + 3) / 4);
    clade_status st;

    if (!bytes)
        return CLADE_OK;
    st = clade_backend_alloc(b->be, &b->buffer[role],
                             elements * 4 + GUARD_BYTES, CLADE_MEMORY_DEVICE);
    if (!st)
        b->op.t[role] =
            clade_tensor_at(b->buffer[role], 0, 1, 1, 1, elements, CLADE_F32);
    return st;
}

/* From its source first, so that it is in the cache. */
static clade_status build(struct bench *b, struct clade_op *op)
{
    const int programs = b->be->programs;
    clade_status st;

    b->be->build = BUILD_SOURCE;
    st = clade_backend_prepare(b->be, op);
    b->fresh |= b->be->programs > programs;
    b->be->build = BUILD_CACHED;
    return st ? st : clade_backend_prepare(b->be, op);
}

static clade_status prepare(struct bench *b, const char *algorithm)
{
    clade_status st;

    st = clade_backend_choose(b->be, &b->op, algorithm);
    if (!st)
        st = add_scratch(b, CLADE_WORKSPACE, b->op.workspace);
    if (!st)
        st = add_scratch(b, CLADE_PACKED, b->op.packed * sizeof(float));
    if (!st)
        st = build(b, &b->op);
    if (st || !b->op.packed)
        return st;
    st = clade_op_filter_pack(&b->pack, &b->op);
    if (!st)
        st = clade_backend_choose(b->be, &b->pack, NULL);
    return st ? st : build(b, &b->pack);
}

static clade_status prepare_other(struct bench *b)
{
    struct clade_tensor t[3];
    clade_status st;

    st = clade_backend_alloc(b->be, &b->other_buffer, 3 * OTHER * sizeof(float),
                             CLADE_MEMORY_DEVICE);
    for (int i = 0; i < 3 && !st; i++)
        t[i] = clade_tensor_at(b->other_buffer, i * OTHER, 1, 1, 1, OTHER,
                               CLADE_F32);
    b->other_step.learning_rate = 0.5f;
    if (!st)
        st = clade_op_sgd(&b->other, t[0], t[1], t[2], 0.5f, &b->other_step);
    if (!st)
        st = clade_backend_choose(b->be, &b->other, NULL);
    return st ? st : clade_backend_prepare(b->be, &b->other);
}

static clade_status setup(struct bench *b, const char *algorithm)
{
    clade_status st;

    b->op = b->host->op;
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct verify_area *a = &b->host->area[role];

        if (!a->bytes)
            continue;
        st = clade_backend_alloc(b->be, &b->buffer[role], a->bytes,
                                 CLADE_MEMORY_DEVICE);
        if (!st)
            st = clade_backend_write(b->be, b->buffer[role], 0, a->before,
                                     a->bytes);
        if (st)
            return st;
        b->op.t[role].buffer = b->buffer[role];
    }
    st = prepare_other(b);
    return st ? st : prepare(b, algorithm);
}

/* What scratch holds before run `run`: it must not matter. */
static uint32_t poison_of(int run)
{
    static const uint32_t words[RUNS] = { 0x7fc00000u, 0u, 0x7f7fffffu };

    return words[run];
}

static clade_status poison_scratch(struct bench *b, enum clade_role role,
                                   int run)
{
    const size_t bytes = (size_t)b->op.t[role].c * 4;
    clade_status st;

    if (!b->buffer[role])
        return CLADE_OK;
    st = clade_backend_fill(b->be, b->buffer[role], 0, bytes, poison_of(run));
    return st ? st
              : clade_backend_fill(b->be, b->buffer[role], bytes, GUARD_BYTES,
                                   VERIFY_GUARD);
}

/* Outputs and scratch as they were before, and something else done between. */
static clade_status reset(struct bench *b, int run)
{
    clade_status st = poison_scratch(b, CLADE_WORKSPACE, run);

    if (!st)
        st = poison_scratch(b, CLADE_PACKED, run);
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        const struct verify_area *a = &b->host->area[role];

        if (a->bytes && outputs(b) & 1u << role)
            st = clade_backend_write(b->be, b->buffer[role], 0, a->before,
                                     a->bytes);
    }
    if (!st)
        st = clade_backend_fill(b->be, b->other_buffer, 0,
                                3 * OTHER * sizeof(float), poison_of(run));
    if (!st)
        st = clade_backend_run(b->be, &b->other);
    return st ? st : clade_backend_finish(b->be);
}

static clade_status run_once(struct bench *b, int run, double *seconds)
{
    clade_status st = reset(b, run);
    double start;

    if (!st && b->op.packed)
        st = clade_backend_run(b->be, &b->pack);
    if (!st)
        st = clade_backend_finish(b->be);
    if (st)
        return st;
    b->be->regrouped = 0; /* of this op alone */
    start = now();
    st = clade_backend_run(b->be, &b->op);
    if (!st)
        st = clade_backend_finish(b->be);
    *seconds = now() - start;
    return st;
}

static clade_status read_back(void **image, struct bench *b,
                              enum clade_role role)
{
    const size_t bytes = b->host->area[role].bytes;

    if (!*image)
        *image = malloc(bytes);
    if (!*image)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %zu bytes",
                          bytes);
    return clade_backend_read(b->be, *image, b->buffer[role], 0, bytes);
}

/* The byte of an element. */
static size_t byte_of(const struct clade_tensor *t, int64_t i)
{
    return clade_tensor_element(t, i) * clade_type_size(t->type);
}

/* Whether anything but the elements of an output has changed; `scratch` gets
 * a copy of the image in which the elements are as they were. */
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

static clade_status check_guards(struct clade_verdict *v, struct bench *b,
                                 void *after[CLADE_ROLES])
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct verify_area *a = &b->host->area[role];
        void *scratch;

        if (!a->bytes)
            continue;
        if (!(outputs(b) & 1u << role)) {
            if (memcmp(after[role], a->before, a->bytes))
                verify_blame(v, CLADE_FAILED, "its input %s was written to",
                             clade_role_name(role));
            continue;
        }
        scratch = malloc(a->bytes);
        if (!scratch)
            return clade_fail(CLADE_ENOMEM, "verify: no memory for guards");
        if (!guards_hold(scratch, after[role], a, &b->host->op.t[role]))
            verify_blame(v, CLADE_FAILED, "it wrote outside of %s",
                         clade_role_name(role));
        free(scratch);
    }
    return CLADE_OK;
}

/* Behind scratch there must still be the guard. */
static clade_status check_scratch(struct clade_verdict *v, struct bench *b,
                                  enum clade_role role)
{
    uint32_t words[GUARD_BYTES / 4];
    clade_status st;

    if (!b->buffer[role])
        return CLADE_OK;
    st = clade_backend_read(b->be, words, b->buffer[role],
                            (size_t)b->op.t[role].c * 4, sizeof(words));
    for (size_t i = 0; !st && i < GUARD_BYTES / 4; i++)
        if (words[i] != VERIFY_GUARD)
            verify_blame(v, CLADE_FAILED, "it wrote behind its %s",
                         clade_role_name(role));
    return st;
}

static void compare_runs(struct clade_verdict *v, const struct bench *b,
                         void *after[CLADE_ROLES])
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!b->host->area[role].bytes || !(outputs(b) & 1u << role))
            continue;
        for (int run = 0; run < RUNS - 1; run++)
            if (memcmp(b->seen[run][role], after[role],
                       b->host->area[role].bytes))
                verify_blame(v, CLADE_FAILED,
                             "%s: runs %d and %d of the same work differ",
                             clade_role_name(role), run + 1, RUNS);
    }
}

/* The same work by the program from its source. */
static clade_status run_source(struct clade_verdict *v, struct bench *b,
                               void *after[CLADE_ROLES])
{
    double seconds;
    clade_status st;

    b->be->build = BUILD_SOURCE;
    st = run_once(b, 0, &seconds);
    b->be->build = BUILD_CACHED;
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        const size_t bytes = b->host->area[role].bytes;
        void *image = NULL;

        if (!bytes || !(outputs(b) & 1u << role))
            continue;
        st = read_back(&image, b, role);
        if (!st && memcmp(image, after[role], bytes))
            verify_blame(v, CLADE_FAILED,
                         "%s: the program from its cached binary and that "
                         "from its source differ",
                         clade_role_name(role));
        free(image);
    }
    return st;
}

static clade_status run_all(void *after[CLADE_ROLES], struct clade_verdict *v,
                            struct bench *b)
{
    clade_status st = CLADE_OK;

    for (int run = 0; run < RUNS && !st; run++) {
        st = run_once(b, run, &v->seconds);
        for (int role = 0; role < CLADE_ROLES && !st; role++) {
            const bool last = run == RUNS - 1;

            if (b->host->area[role].bytes && (last || outputs(b) & 1u << role))
                st = read_back(last ? &after[role] : &b->seen[run][role], b,
                               role);
        }
    }
    if (!st)
        st = check_guards(v, b, after);
    if (!st)
        st = check_scratch(v, b, CLADE_WORKSPACE);
    if (!st)
        st = check_scratch(v, b, CLADE_PACKED);
    if (!st)
        compare_runs(v, b, after);
    return st || !b->fresh ? st : run_source(v, b, after);
}

clade_status verify_run(void *after[CLADE_ROLES], struct clade_verdict *v,
                        clade_backend *be, const struct verify_host *host,
                        const char *algorithm)
{
    struct bench b = { .be = be, .host = host };
    const enum backend_build before = be->build;
    clade_status st;

    be->build = BUILD_CACHED;
    st = setup(&b, algorithm);

    v->algorithm = b.op.algorithm ? b.op.algorithm : algorithm;
    v->depth = b.op.depth;
    if (!st)
        st = run_all(after, v, &b);
    for (int role = 0; role < CLADE_ROLES; role++) {
        clade_backend_free(be, b.buffer[role]);
        for (int run = 0; run < RUNS - 1; run++)
            free(b.seen[run][role]);
    }
    clade_backend_free(be, b.other_buffer);
    be->build = before;
    return st;
}
