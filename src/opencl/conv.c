/* SPDX-License-Identifier: Apache-2.0 */
#include "conv.h"

#include <stdio.h>
#include <string.h>

/* By preference where work-items have wide vectors; elsewhere from the end. */
static const struct ocl_conv_algorithm *const algorithms[] = {
    &ocl_direct,
    &ocl_clblast,
};
enum { N_ALGORITHMS = sizeof algorithms / sizeof *algorithms };

/*
 * The i-th algorithm by preference.  The device's type decides nothing
 * (llvmpipe calls itself a CPU, but its work-items are its lanes): the native
 * vector width does, until a measurement is kept.
 */
static const struct ocl_conv_algorithm *preferred(const struct ocl *o, int i)
{
    return algorithms[o->base.device.vector_width >= 4 ? i
                                                       : N_ALGORITHMS - 1 - i];
}

static const struct ocl_conv_algorithm *named(const char *name)
{
    for (int i = 0; i < N_ALGORITHMS; i++)
        if (!strcmp(algorithms[i]->name, name))
            return algorithms[i];
    return NULL;
}

int ocl_conv_algorithms(struct ocl *o, const struct clade_op *op,
                        const char *names[], int max)
{
    int n = 0;

    for (int i = 0; i < N_ALGORITHMS; i++) {
        const struct ocl_conv_algorithm *a = preferred(o, i);

        if (!a->supports(o, op))
            continue;
        if (n < max)
            names[n] = a->name;
        n++;
    }
    return n;
}

static void pass_over(struct ocl *o, const struct ocl_conv_algorithm *a,
                      const struct clade_op *op, enum ocl_verdict verdict)
{
    const char *why = clade_error();

    if (verdict == OCL_WRONG)
        ocl_notice(o, "%s computes %s wrongly on %s: passed over", a->name,
                   op_describe(op), o->base.device.name);
    else
        ocl_notice(o, "%s is passed over for %s: it could not be checked: %.*s",
                   a->name, op_describe(op), (int)strcspn(why, "\n"), why);
}

/* The best algorithm that is right here; NULL: none. */
static clade_status best(const struct ocl_conv_algorithm **found, struct ocl *o,
                         const struct clade_op *op)
{
    *found = NULL;
    for (int i = 0; i < N_ALGORITHMS && !*found; i++) {
        const struct ocl_conv_algorithm *a = preferred(o, i);
        enum ocl_verdict verdict = OCL_RIGHT;
        clade_status st;

        if (!a->supports(o, op))
            continue;
        if (a->check && (st = a->check(&verdict, o, op)))
            return st;
        if (verdict == OCL_RIGHT)
            *found = a;
        else
            pass_over(o, a, op, verdict);
    }
    return CLADE_OK;
}

static clade_status unknown(const char *name)
{
    char list[128] = "";

    for (int i = 0; i < N_ALGORITHMS; i++) {
        const size_t n = strlen(list);

        snprintf(list + n, sizeof list - n, "%s`%s`", i ? ", " : "",
                 algorithms[i]->name);
    }
    return clade_fail(CLADE_EUSAGE, "no algorithm `%s`; there are %s", name,
                      list);
}

clade_status ocl_conv_choose(struct ocl *o, struct clade_op *op,
                             const char *name)
{
    const struct ocl_conv_algorithm *a = name ? named(name) : NULL;
    clade_status st;

    if (!name && (st = best(&a, o, op)))
        return st;
    if (!a && name)
        return unknown(name);
    if (!a)
        return clade_fail(CLADE_EUNSUPPORTED, "%s: no algorithm is right on %s",
                          op_describe(op), o->base.device.name);
    if (!a->supports(o, op))
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: `%s` cannot run it on %s; leave out --algorithm",
                          op_describe(op), name, o->base.device.name);
    op->algorithm = a->name;
    op->workspace = op->packed = 0;
    memset(op->tune, 0, sizeof op->tune);
    return a->choose(o, op);
}

static clade_status run(struct ocl *o, const struct clade_op *op)
{
    return named(op->algorithm)->run(o, op);
}

clade_status ocl_conv_fwd(struct ocl *o, const struct clade_op *op)
{
    return run(o, op);
}

clade_status ocl_conv_bwd_data(struct ocl *o, const struct clade_op *op)
{
    return run(o, op);
}

clade_status ocl_conv_bwd_filter(struct ocl *o, const struct clade_op *op)
{
    return run(o, op);
}

clade_status ocl_filter_pack(struct ocl *o, const struct clade_op *op)
{
    return named(op->algorithm)->pack(o, op);
}

/* The roles that are images, in any direction. */
static const enum clade_role images[] = { CLADE_Y, CLADE_X, CLADE_DY,
                                          CLADE_DX };
enum { N_IMAGES = sizeof images / sizeof *images };

static int image_count(const struct clade_op *op)
{
    return op->t[op->kind == CLADE_CONV_FWD ? CLADE_Y : CLADE_DY].n;
}

int ocl_conv_images(const struct clade_op *op)
{
    const double per_image = clade_op_flops(op) / image_count(op);
    const double n = OCL_LAUNCH_FLOPS / per_image;

    return n < 1 ? 1 : n > 1 << 20 ? 1 << 20 : (int)n;
}

struct clade_op ocl_conv_part(const struct clade_op *op, int first, int n)
{
    struct clade_op part = *op;

    for (int i = 0; i < N_IMAGES; i++) {
        struct clade_tensor *t = &part.t[images[i]];

        if (!t->buffer)
            continue;
        t->offset += (int64_t)first * t->h * t->w * t->ld;
        t->n = n;
    }
    return part;
}
