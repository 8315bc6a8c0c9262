/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOPICS_H
#define TOPICS_H

#include "tool.h"

/* A row of a topic's list: a word, and what it means. */
struct topic_row {
    const char *name, *text;
};

/* What `clade help TOPIC` explains: a text, a list, a text.  Lines that are too
 * long are broken when they are printed. */
struct topic {
    const char *name, *summary;
    const char *before;
    const struct topic_row *rows;
    size_t n_rows;
    const char *after; /* NULL: none */
};

/* Every topic, in alphabetical order; the last one's name is NULL. */
extern const struct topic topics[];

/* The commands with their options, and the topics; NULL if there is no memory. */
json_t *help_json(const struct tool_command *const commands[]);

#endif
