/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_H
#define RECORD_H

#include "verify/trace.h"

#define RECORD_FORMAT "clade-record/1"

/* A trace from a file (doc/record-format.md), in the file's order. */
struct record {
    struct training_config config;
    bool exact; /* it was computed in double */
    /* Losses come first, row by row, and have their row's name, "step0/losses".
     * The kind of tensors is not set. */
    struct trace trace;
};

/* Read a record; if `quick`, only its step 0.  CLADE_EDATA says what is wrong
 * with the file.  The caller frees the trace. */
clade_status record_read(struct record *record, const char *file, bool quick);

/* ---- what records and envelopes share ------------------------------------ */

struct json_t;
struct clade_device;

/* A text of n bytes and a 0, and what messages call it. */
struct record_text {
    const char *text;
    size_t n;
    const char *name, *format;
};

/* Parse a text: get its JSON object, which the caller frees, and the training
 * that it describes.  config->net is NULL if the net is unknown here.
 * CLADE_EDATA says what is wrong with the text. */
clade_status record_parse(struct json_t **object,
                          struct training_config *config,
                          const struct record_text *text);
clade_status record_bad(const struct record_text *text, const char *what);
/* "platform / device / driver", or NULL if there is no memory. */
struct json_t *record_device(const clade_backend *be);

#endif
