/* SPDX-License-Identifier: Apache-2.0 */
/* What joins the check of a training's devices to verify's judge. */
#include "tool.h"

#include <stdio.h>

#include "status.h"
#include "train/shadow.h"
#include "verify/verify.h"

/* The first failures of a share. */
struct failures {
    struct clade_verdict first;
    int count;
};

static void keep_failure(void *arg, const struct clade_verdict *v)
{
    struct failures *f = arg;

    if (v->outcome == CLADE_FAILED && !f->count++)
        f->first = *v;
}

static void name(struct shadow_verdict *verdict, const struct failures *f)
{
    const struct clade_verdict *v = &f->first;
    char more[48] = "";

    if (f->count > 1)
        snprintf(more, sizeof more, "; %d more ops are wrong", f->count - 1);
    snprintf(verdict->text, sizeof verdict->text,
             "%.120s, %.200s; worst %s: got %.9g, want %.9g%s", v->name,
             v->message, v->where, v->got, v->want, more);
}

clade_status tool_judge_share(struct shadow_verdict *verdict, clade_net *net,
                              const struct clade_batch *share, uint32_t step)
{
    struct failures failures = { .count = 0 };
    const struct clade_verify_step options = { .report = keep_failure,
                                               .arg = &failures };
    struct clade_verify_summary summary;
    clade_status st = verify_share(&summary, net, share, step, &options);

    verdict->faulty = st == CLADE_EBOUND;
    verdict->judged = !st || verdict->faulty;
    if (verdict->faulty)
        name(verdict, &failures);
    else if (st == CLADE_EUNSUPPORTED || st == CLADE_EMISTRUSTED)
        snprintf(verdict->text, sizeof verdict->text, "%.500s", clade_error());
    else
        return st;
    return CLADE_OK;
}
