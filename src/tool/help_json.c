/* SPDX-License-Identifier: Apache-2.0 */
/* What `clade help --json` prints. */
#include "topics.h"

/* An option's value if it is not given; null if it then has none. */
static json_t *default_json(const struct tool_option *o,
                            const struct tool_command *c)
{
    const void *value = (const char *)c->defaults + o->at;

    switch (o->kind) {
    case TOOL_FLAG:
        return json_boolean(*(const bool *)value);
    case TOOL_INT:
        return json_integer(*(const int *)value);
    case TOOL_SEED:
        return json_integer((json_int_t) * (const uint64_t *)value);
    case TOOL_REAL:
        return json_real(*(const double *)value);
    case TOOL_TEXT:
    case TOOL_CHOICE:
        if (*(const char *const *)value)
            return json_string(*(const char *const *)value);
        return json_null();
    default:
        return json_null();
    }
}

static json_t *option_json(const struct tool_option *o,
                           const struct tool_command *c)
{
    return json_pack("{s:s, s:s?, s:o, s:b, s:s}", "name", o->name, "value",
                     o->values, "default", default_json(o, c), "repeatable",
                     o->kind == TOOL_LIST, "help", o->help);
}

static json_t *command_json(const struct tool_command *c)
{
    json_t *options = json_array(), *operands = json_array();

    for (size_t i = 0; i < c->n_options; i++) {
        const struct tool_option *o = &c->options[i];

        if (tool_is_operand(o))
            json_array_append_new(
                operands, json_pack("{s:s, s:b}", "name", o->name, "repeatable",
                                    o->kind == TOOL_OPERANDS));
        else
            json_array_append_new(options, option_json(o, c));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "name", c->name, "summary",
                     c->summary, "operands", operands, "options", options);
}

json_t *help_json(const struct tool_command *const commands[])
{
    json_t *every = json_array(), *explained = json_array();

    for (const struct tool_command *const *c = commands; *c; c++)
        json_array_append_new(every, command_json(*c));
    for (const struct topic *t = topics; t->name; t++)
        json_array_append_new(explained,
                              json_pack("{s:s, s:s}", "name", t->name,
                                        "summary", t->summary));
    return json_pack("{s:s, s:o, s:o}", "version", PACKAGE_VERSION, "commands",
                     every, "topics", explained);
}
