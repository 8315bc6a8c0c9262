/* SPDX-License-Identifier: Apache-2.0 */
/* The uses that a net's plans make of programs, as small ops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"
#include "op/op.h"
#include "status.h"
#include "verify/kind.h"
#include "verify/selftest.h"

/*
 * How much of an op a small one keeps.  All channels: they decide which program
 * runs, and how its last vector ends.  14 rows and columns hold a whole tile
 * and the start of another.  More images where they are small: a group is full
 * then.
 */
#define SIDE     14
#define PIXELS   64    /* of one row, or of all images together */
#define ELEMENTS 32768 /* of a tensor without an image; a power of two */

/* Cut an axis to `most` outputs, if they are those of a window. */
static void cut_axis(int *in, int *out, int most, int size, int stride,
                     int pads)
{
    const int rest = *in + pads - size - (*out - 1) * stride;

    if (*out <= most || rest < 0 || rest >= stride)
        return;
    *out = most;
    *in = (most - 1) * stride + size + rest - pads;
}

static void make_small(struct op_case *c)
{
    const struct clade_window *w = &c->window;
    int pixels, images;

    cut_axis(&c->h, &c->p, SIDE, w->r, w->stride, w->top + w->bottom);
    cut_axis(&c->w, &c->q, c->p == 1 ? PIXELS : SIDE, w->s, w->stride,
             w->left + w->right);
    pixels = c->h * c->w > c->p * c->q ? c->h * c->w : c->p * c->q;
    images = PIXELS / pixels > 2 ? PIXELS / pixels : 2;
    if (c->n > images)
        c->n = images;
    if (verify_kind(c->kind)->pointwise && c->k > 2 * ELEMENTS)
        c->k = ELEMENTS + c->k % ELEMENTS;
}

/* A text that is the same for ops that use the same code in the same way; the
 * caller frees it. */
static clade_status key_of(char **key, clade_backend *be,
                           const struct clade_op *op, const struct op_case *c)
{
    const struct clade_window *w = &c->window;
    unsigned slices = 0;
    char *code;
    size_t size;
    clade_status st = be->table->uses(be, &code, op);

    if (st)
        return st;
    for (int role = 0; role < CLADE_ROLES; role++)
        slices |= c->gap[role] ? 1u << role : 0;
    size = strlen(code) + 256;
    *key = malloc(size);
    if (*key)
        snprintf(*key, size,
                 "self-test of clade " PACKAGE_VERSION
                 ": %s by %s, %dx%d/%d pad %d %d %d %d, flags %u, slices %x, "
                 "channels 32i+%d, 32i+%d\n%s",
                 clade_op_name(c->kind), op->choice.algorithm, w->r, w->s,
                 w->stride, w->top, w->bottom, w->left, w->right, c->flags,
                 slices, c->c % 32, c->k % 32, code);
    else
        st = clade_fail(CLADE_ENOMEM, "self-test: out of memory");
    free(code);
    return st;
}

static bool is_known(const struct selftest_uses *uses, const char *key)
{
    for (int i = 0; i < uses->count; i++)
        if (!strcmp(uses->list[i].key, key))
            return true;
    return false;
}

/* Takes the key over. */
static clade_status add(struct selftest_uses *uses, const struct op_case *c,
                        const struct clade_choice *choice, char *key)
{
    struct selftest_use *longer;

    if (is_known(uses, key)) {
        free(key);
        return CLADE_OK;
    }
    longer = realloc(uses->list, (uses->count + 1) * sizeof(*longer));
    if (!longer) {
        free(key);
        return clade_fail(CLADE_ENOMEM, "self-test: out of memory");
    }
    uses->list = longer;
    longer[uses->count++] = (struct selftest_use){ *c, *choice, key };
    return CLADE_OK;
}

struct search {
    struct selftest_uses *uses;
    clade_backend *be;
};

static clade_status add_op(void *arg, const struct plan *plan,
                           const struct clade_op *op)
{
    const struct search *s = arg;
    struct op_case c = verify_case_of(op, "GoogLeNet's");
    char *key;
    clade_status st;

    (void)plan;
    if (!verify_kind(c.kind)->make)
        return CLADE_OK;
    make_small(&c);
    st = key_of(&key, s->be, op, &c);
    return st ? st : add(s->uses, &c, &op->choice, key);
}

clade_status selftest_uses_of(struct selftest_uses *uses, clade_backend *be,
                              const struct clade_net_config *config)
{
    struct search search = { uses, be };
    clade_status st;

    *uses = (struct selftest_uses){ NULL, 0 };
    st = net_visit_draft(be, config, add_op, &search);
    if (st)
        selftest_uses_free(uses);
    return st;
}

void selftest_uses_free(struct selftest_uses *uses)
{
    for (int i = 0; i < uses->count; i++)
        free(uses->list[i].key);
    free(uses->list);
    *uses = (struct selftest_uses){ NULL, 0 };
}
