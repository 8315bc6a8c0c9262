/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "status.h"

clade_status tool_print_json(json_t *value)
{
    if (!value)
        return clade_fail(CLADE_ENOMEM, "no memory for what --json prints");
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
    return CLADE_OK;
}
