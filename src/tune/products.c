/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct products of a net's plans. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"
#include "op/op.h"
#include "status.h"
#include "tune/tune.h"

struct search {
    struct tune_products *products;
    bool trains; /* a step is one of training */
};

static struct tune_product *find(const struct tune_products *p, const char *key)
{
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->list[i].key, key))
            return &p->list[i];
    return NULL;
}

static struct tune_product *append(struct tune_products *p)
{
    struct tune_product *longer =
        realloc(p->list, (size_t)(p->count + 1) * sizeof *longer);

    if (!longer)
        return NULL;
    p->list = longer;
    return &longer[p->count++];
}

static clade_status add_op(void *arg, const struct plan *plan,
                           const struct clade_op *op)
{
    const struct search *s = arg;
    struct tune_product *p;
    char key[sizeof p->key];

    if (!op_is_product(op->kind))
        return CLADE_OK;
    op_key(key, sizeof key, op);
    if (!(p = find(s->products, key))) {
        if (!(p = append(s->products)))
            return clade_fail(CLADE_ENOMEM, "tuning: out of memory");
        *p = (struct tune_product){ .c = verify_case_of(op, "tuning"),
                                    .flops = clade_op_flops(op) };
        snprintf(p->key, sizeof p->key, "%s", key);
        snprintf(p->label, sizeof p->label, "%s", op->label ? op->label : "");
    }
    p->packs |= plan->training;
    p->uses += plan->training == s->trains;
    return CLADE_OK;
}

static int by_share(const void *a, const void *b)
{
    const struct tune_product *p = a, *q = b;
    const double x = p->flops * (p->uses + 0.1);
    const double y = q->flops * (q->uses + 0.1);

    return x != y ? (x < y) - (x > y) : strcmp(p->key, q->key);
}

clade_status tune_products_of(struct tune_products *products, clade_backend *be,
                              const struct clade_net_config *config)
{
    struct search search = { products, config->train_batch > 0 };
    clade_status st;

    *products = (struct tune_products){ NULL, 0 };
    if ((st = net_visit_draft(be, config, add_op, &search))) {
        tune_products_free(products);
        return st;
    }
    qsort(products->list, (size_t)products->count, sizeof *products->list,
          by_share);
    return CLADE_OK;
}

void tune_products_free(struct tune_products *products)
{
    free(products->list);
    *products = (struct tune_products){ NULL, 0 };
}
