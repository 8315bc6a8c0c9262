/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "tool.h"

static void count(struct profile_row *row, const struct clade_op *op,
                  double seconds)
{
    row->kind = op->kind;
    row->calls++;
    row->seconds += seconds;
    row->flops += clade_op_flops(op);
}

/* The row of the op's layer and kind, added if there was none; NULL if there is
 * no memory. */
static struct profile_row *find_row(struct profile *p,
                                    const struct clade_op *op)
{
    const char *layer = op->label ? op->label : "";
    struct profile_row *more;

    for (int i = 0; i < p->n_layers; i++)
        if (p->layers[i].kind == op->kind && !strcmp(p->layers[i].layer, layer))
            return &p->layers[i];
    more = realloc(p->layers, (size_t)(p->n_layers + 1) * sizeof *more);
    if (!more)
        return NULL;
    p->layers = more;
    p->layers[p->n_layers] =
        (struct profile_row){ .layer = layer, .kind = op->kind };
    return &p->layers[p->n_layers++];
}

static clade_status before(void *arg, const struct plan *plan, int op)
{
    struct profile *p = arg;

    (void)plan;
    (void)op;
    p->began = tool_uptime();
    return CLADE_OK;
}

static clade_status after(void *arg, const struct plan *plan, int op)
{
    struct profile *p = arg;
    const double seconds = tool_uptime() - p->began;
    struct profile_row *row = find_row(p, &plan->ops[op]);

    if (!row)
        return clade_fail(CLADE_ENOMEM, "profile: out of memory");
    count(row, &plan->ops[op], seconds);
    row->algorithm = plan->ops[op].choice.algorithm;
    count(&p->kinds[plan->ops[op].kind], &plan->ops[op], seconds);
    return CLADE_OK;
}

struct net_observer profile_observer(struct profile *p)
{
    return (struct net_observer){ .arg = p, .before = before, .after = after };
}

void profile_free(struct profile *p)
{
    free(p->layers);
}

static double total(const struct profile *p)
{
    double seconds = 0;

    for (int i = 0; i < CLADE_OP_KINDS; i++)
        seconds += p->kinds[i].seconds;
    return seconds;
}

static void print_row(const struct profile_row *row, int steps, double all)
{
    printf("%9.3f %5.1f %7.1f %5d  %-15s %-8s %s\n", 1e3 * row->seconds / steps,
           100 * row->seconds / all, 1e-9 * row->flops / row->seconds,
           row->calls / steps, clade_op_name(row->kind),
           row->algorithm ? row->algorithm : "-", row->layer ? row->layer : "");
}

void profile_print(struct profile *p, int steps)
{
    const double all = total(p);

    printf("\nop by op, each waited for: %.1f ms a step\n"
           "%9s %5s %7s %5s  %-15s %-8s %s\n",
           1e3 * all / steps, "ms", "%", "GFLOP/s", "calls", "op", "algorithm",
           "layer");
    for (int i = 0; i < CLADE_OP_KINDS; i++)
        if (p->kinds[i].calls)
            print_row(&p->kinds[i], steps, all);
    putchar('\n');
    for (int i = 0; i < p->n_layers; i++)
        print_row(&p->layers[i], steps, all);
}

static json_t *row_json(const struct profile_row *row, int steps)
{
    return json_pack(
        "{s:s, s:s, s:s, s:i, s:f, s:f}", "op", clade_op_name(row->kind),
        "layer", row->layer ? row->layer : "", "algorithm",
        row->algorithm ? row->algorithm : "", "calls", row->calls / steps,
        "seconds", row->seconds / steps, "flops", row->flops / steps);
}

json_t *profile_json(struct profile *p, int steps)
{
    json_t *kinds = json_array(), *layers = json_array();

    for (int i = 0; i < CLADE_OP_KINDS; i++)
        if (p->kinds[i].calls)
            json_array_append_new(kinds, row_json(&p->kinds[i], steps));
    for (int i = 0; i < p->n_layers; i++)
        json_array_append_new(layers, row_json(&p->layers[i], steps));
    return json_pack("{s:o, s:o}", "kinds", kinds, "layers", layers);
}
