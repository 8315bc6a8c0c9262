/* SPDX-License-Identifier: Apache-2.0 */
#include "door.h"

#include <string.h>

#include "op/check.h"
#include "op/op.h"
#include "status.h"

clade_status door_buffer(const char *function, const clade_backend *be,
                         const struct clade_buffer *buffer, size_t at,
                         size_t bytes)
{
    clade_status st;

    if ((st = status_given(function, "be, buffer", be && buffer)))
        return st;
    if (buffer->be != be)
        return clade_fail(CLADE_EUSAGE,
                          "%s: the buffer is another backend's; allocate one "
                          "on this one (`%s`)",
                          function, be->device.selector);
    if (at > buffer->bytes || bytes > buffer->bytes - at)
        return clade_fail(CLADE_EUSAGE,
                          "%s: %zu bytes from byte %zu on, of a buffer of %zu "
                          "bytes on `%s`",
                          function, bytes, at, buffer->bytes,
                          be->device.selector);
    return CLADE_OK;
}

clade_status door_op(const clade_backend *be, const struct clade_op *op)
{
    enum clade_type real;

    if (op_check(op))
        return clade_fail(CLADE_EUSAGE,
                          "%s (the functions of clade/ops.h make ops)",
                          clade_error());
    real = check_real(op);
    if (real != be->real)
        return clade_fail(CLADE_EUSAGE,
                          "%s: its tensors are %s, but `%s` computes with %s: "
                          "make them of clade_backend_real()",
                          op_describe(op), check_type_name(real),
                          be->device.selector, check_type_name(be->real));
    return CLADE_OK;
}

/* ---- an op that is to be prepared ---------------------------------------- */

static clade_status not_chosen(const clade_backend *be,
                               const struct clade_op *op)
{
    return clade_fail(CLADE_EUSAGE,
                      "%s: no algorithm of `%s` is chosen for it: call "
                      "clade_backend_choose() first",
                      op_describe(op), be->device.selector);
}

/* Is the op's choice one that this backend makes? */
static bool is_chosen_here(clade_backend *be, const struct clade_op *op)
{
    struct backend_candidate list[BACKEND_CANDIDATES];
    int n;

    if (op_kind(op->kind)->inherits) {
        const char *const *name = be->table->algorithms;

        while (*name && strcmp(*name, op->choice.algorithm))
            name++;
        return *name;
    }
    n = be->table->candidates(be, op, list, BACKEND_CANDIDATES);
    for (int i = 0; i < n && i < BACKEND_CANDIDATES; i++)
        if (choice_equal(&list[i].choice, &op->choice))
            return true;
    return false;
}

/* Scratch is used from byte 0 of its buffer, whatever the type of its
 * elements, and overlaps nothing. */
static clade_status check_workspace(const struct clade_op *op)
{
    const struct clade_tensor *t = &op->t[CLADE_WORKSPACE];
    const size_t size = clade_type_size(t->type);
    clade_status st;

    if (!op->workspace)
        return CLADE_OK;
    if ((st = check_tensor(op, CLADE_WORKSPACE, t->type)) ||
        (st = check_dense(op, CLADE_WORKSPACE)))
        return st;
    if (t->offset || (size_t)clade_tensor_elements(t) * size < op->workspace)
        return clade_fail(CLADE_EUSAGE,
                          "%s: workspace is %lld bytes from element %lld on, "
                          "must be %zu from 0 on",
                          op_describe(op),
                          (long long)clade_tensor_elements(t) * (long long)size,
                          (long long)t->offset, op->workspace);
    for (int role = 0; role < CLADE_ROLES; role++)
        if (check_roles(op) >> role & 1 && check_overlap(t, &op->t[role]))
            return clade_fail(CLADE_EUSAGE, "%s: workspace overlaps %s",
                              op_describe(op), clade_role_name(role));
    return CLADE_OK;
}

static clade_status check_filter(const struct clade_op *op)
{
    if (!op->packed)
        return CLADE_OK;
    if (op->t[CLADE_PACKED].buffer)
        return check_packed(op);
    return clade_fail(CLADE_EUSAGE,
                      "%s: packed is missing: it needs %zu elements there, "
                      "which the op of clade_op_filter_pack() makes",
                      op_describe(op), op->packed);
}

/* A kernel may use only memory of its own device, and none that is mapped. */
static clade_status check_owner(const clade_backend *be,
                                const struct clade_op *op, enum clade_role role)
{
    const struct clade_buffer *b = op->t[role].buffer;

    if (!b || (b->be == be && b->where == CLADE_MEMORY_DEVICE))
        return CLADE_OK;
    return clade_fail(
        CLADE_EUSAGE, "%s: %s lies in %s; allocate CLADE_MEMORY_DEVICE on `%s`",
        op_describe(op), clade_role_name(role),
        b->be == be ? "memory of the host" : "another backend's buffer",
        be->device.selector);
}

clade_status door_ready(clade_backend *be, const struct clade_op *op)
{
    const unsigned scratch = op->workspace ? 1u << CLADE_WORKSPACE : 0;
    clade_status st;

    if ((st = door_op(be, op)))
        return st;
    if (!op->choice.algorithm || !is_chosen_here(be, op))
        return not_chosen(be, op);
    for (int role = 0; role < CLADE_ROLES; role++)
        if ((check_roles(op) | scratch) >> role & 1 &&
            (st = check_owner(be, op, role)))
            return st;
    if (check_workspace(op) || check_filter(op))
        return clade_fail(CLADE_EUSAGE, "%s", clade_error());
    return CLADE_OK;
}

clade_status door_task(const clade_backend *be, const clade_task *task)
{
    const clade_status st =
        status_given("clade_backend_run", "be, task", be && task);

    if (st)
        return st;
    return clade_fail(CLADE_EUSAGE,
                      "%s: it was prepared on another backend than `%s`; "
                      "clade_backend_prepare() makes it ready for this one",
                      op_describe(&task->op), be->device.selector);
}
