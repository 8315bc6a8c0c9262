/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <math.h>

#include "status.h"

json_t *tool_real_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *head_json(const struct clade_net_shape *shape, int i,
                         const struct clade_figures *f)
{
    return json_pack("{s:s, s:o, s:o}", "name", shape->head[i], "loss",
                     tool_real_json(f->head_loss[i]), "accuracy",
                     tool_real_json(f->accuracy[i]));
}

json_t *tool_figures_json(const struct clade_net_shape *shape,
                          const struct clade_figures *f)
{
    json_t *heads = json_array();

    for (int i = 0; i < shape->heads; i++)
        json_array_append_new(heads, head_json(shape, i, f));
    return json_pack("{s:o, s:o}", "loss", tool_real_json(f->loss), "heads",
                     heads);
}

clade_status tool_print_json(json_t *value)
{
    if (!value)
        return clade_fail(CLADE_ENOMEM, "no memory for what --json prints");
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
    return CLADE_OK;
}
