/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cpu/cpu.h"
#include "op/check.h"
#include "op/op.h"
#include "status.h"

#define CHECKED 256 /* elements of an output that are checked */

/* An op on a device and, in `host`, on the reference's side. */
struct stage {
    clade_backend *be;
    struct clade_op op, host;
    struct cpu_buffer wrap[CLADE_ROLES];
    clade_task *task;
};

/* An integer in -2 ... 2 that depends on i alone. */
static float small_integer(size_t i)
{
    return (float)((i * 2654435761u >> 16) % 5) - 2.0f;
}

/* The bytes from element 0 of a tensor's buffer to the tensor's last
 * element. */
static size_t span(const struct clade_tensor *t)
{
    return (size_t)(t->offset + span_of(t)) * clade_type_size(t->type);
}

/* Where a trial's tensor begins.  Libraries have faster kernels for matrices
 * that begin a buffer, or that are aligned to vectors of up to 16: so a trial
 * takes the same. */
static int64_t near_offset(int64_t offset)
{
    return offset ? (offset - 1) % 16 + 1 : 0;
}

void trial_key(char *text, size_t size, const struct clade_op *op)
{
    size_t used;

    op_key(text, size, op);
    used = strlen(text);
    for (int role = 0; role < CLADE_ROLES && used < size; role++)
        if (op->t[role].buffer)
            used += (size_t)snprintf(text + used, size - used, " +%d",
                                     (int)near_offset(op->t[role].offset));
}

/* Allocate a role on both sides and fill it with integers. */
static clade_status make_role(struct stage *s, int role)
{
    struct clade_tensor *t = &s->op.t[role];
    size_t bytes, n;
    float *host;
    clade_status st;

    t->offset = near_offset(t->offset);
    bytes = span(t);
    n = bytes / sizeof(*host);
    if (!(host = malloc(bytes)))
        return clade_fail(CLADE_ENOMEM, "no memory for %zu bytes to try an op",
                          bytes);
    for (size_t i = 0; i < n; i++)
        host[i] = small_integer(i);
    s->wrap[role] = cpu_wrap(host, bytes);
    s->host.t[role] = *t;
    s->host.t[role].buffer = &s->wrap[role].base;
    t->buffer = NULL;
    if ((st = clade_backend_alloc(s->be, &t->buffer, bytes,
                                  CLADE_MEMORY_DEVICE)))
        return st;
    return clade_backend_write(s->be, t->buffer, 0, host, bytes);
}

static clade_status make_scratch(struct stage *s, enum clade_role role,
                                 size_t bytes)
{
    struct clade_tensor *t = &s->op.t[role];

    *t = (struct clade_tensor){ 0 };
    if (!bytes)
        return CLADE_OK;
    *t = clade_tensor_at(NULL, 0, 1, 1, 1, (int)((bytes + 3) / 4), CLADE_F32);
    return clade_backend_alloc(s->be, &t->buffer, (size_t)t->c * 4,
                               CLADE_MEMORY_DEVICE);
}

static clade_status make_tensors(struct stage *s)
{
    bool is_there[CLADE_ROLES];
    clade_status st = CLADE_OK;

    for (int role = 0; role < CLADE_ROLES; role++) {
        is_there[role] = s->op.t[role].buffer && role != CLADE_WORKSPACE &&
                         role != CLADE_PACKED;
        s->op.t[role].buffer = NULL;
    }
    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (is_there[role])
            st = make_role(s, role);
    if (!st)
        st = make_scratch(s, CLADE_WORKSPACE, s->op.workspace);
    if (!st)
        st = make_scratch(s, CLADE_PACKED, s->op.packed * sizeof(float));
    return st ? st : clade_backend_finish(s->be);
}

static void free_stage(struct stage *s)
{
    clade_backend_release(s->be, s->task);
    for (int role = 0; role < CLADE_ROLES; role++) {
        clade_backend_free(s->be, s->op.t[role].buffer);
        free(s->wrap[role].host);
    }
}

static clade_status pack_filter(struct stage *s)
{
    struct clade_op op;
    clade_status st;

    if (!s->op.packed)
        return CLADE_OK;
    st = clade_op_filter_pack(&op, &s->op);
    return st ? st : backend_run_once(s->be, &op);
}

static clade_status run_timed(double *seconds, struct stage *s)
{
    const double began = clock_now();
    clade_status st = clade_backend_run(s->be, s->task);

    if (!st)
        st = clade_backend_finish(s->be);
    *seconds = clock_now() - began;
    return st;
}

int64_t trial_spread(int64_t index[], int64_t most,
                     const struct clade_tensor *t)
{
    const int64_t n = clade_tensor_elements(t);
    const int64_t count = n < most ? n : most;

    for (int64_t i = 0; i < count; i++) {
        const int64_t end = n * (i + 1) / count, begin = n * i / count;

        index[i] = i == count - 1
                       ? n - 1
                       : begin + (int64_t)((uint64_t)i * 2654435761u >> 7) %
                                     (end - begin);
    }
    return count;
}

/* Compare the device's output with what the reference computed; `values` has
 * room for it. */
static clade_status check_output(bool *right, struct stage *s,
                                 enum clade_role role, float *values)
{
    const struct clade_tensor *t = &s->host.t[role];
    const float *before = s->wrap[role].host;
    struct cpu_exact exact[CHECKED];
    int64_t index[CHECKED];
    double old[CHECKED];
    const int64_t n = trial_spread(index, CHECKED, t);
    clade_status st;

    for (int64_t i = 0; i < n; i++)
        old[i] = before[clade_tensor_element(t, index[i])];
    cpu_at_many(exact, &s->host, role, index, n, old);
    if ((st = clade_backend_read(s->be, values, s->op.t[role].buffer, 0,
                                 s->wrap[role].base.bytes)))
        return st;
    for (int64_t i = 0; i < n; i++)
        *right &=
            values[clade_tensor_element(t, index[i])] == (float)exact[i].y;
    return CLADE_OK;
}

static clade_status check_outputs(bool *right, struct stage *s)
{
    const unsigned outputs = clade_op_outputs(s->op.kind);
    clade_status st = CLADE_OK;

    *right = true;
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        float *values;

        if (!(outputs & 1u << role) || !s->wrap[role].host)
            continue;
        if (!(values = malloc(s->wrap[role].base.bytes)))
            return clade_fail(CLADE_ENOMEM, "no memory to check %s",
                              op_describe(&s->op));
        st = check_output(right, s, role, values);
        free(values);
    }
    return st;
}

clade_status trial_make(struct trial *trial, clade_backend *be,
                        const struct clade_op *op, int runs)
{
    struct stage s = { .be = be, .op = *op, .host = *op };
    clade_status st = make_tensors(&s);

    if (!st)
        st = pack_filter(&s);
    if (!st)
        st = clade_backend_prepare(be, &s.task, &s.op);
    if (!st)
        st = run_timed(&trial->seconds, &s);
    if (!st)
        st = check_outputs(&trial->right, &s);
    for (int i = 1; i < runs && !st; i++) {
        double seconds;

        st = run_timed(&seconds, &s);
        if (!st && seconds < trial->seconds)
            trial->seconds = seconds;
    }
    free_stage(&s);
    return st;
}
