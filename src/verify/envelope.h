/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "verify/spread.h"

#define ENVELOPE_FORMAT "clade-envelope/1"

/* The spread of correct trainings around the reference's, as a file. */
struct envelope {
    struct training_config config; /* without the algorithm; net is NULL if it
                                      is unknown here */
    double noise[CLADE_OP_KINDS]; /* the noise that it was made with, in units
                                     of 2^-24 */
    struct trace centre;          /* losses and norms */
    struct spread spread;
};

/* Read the envelope in a file, or, if `file` is NULL, the one that ships.  The
 * message of CLADE_EIO or CLADE_EDATA says what is wrong with it. */
clade_status envelope_read(struct envelope *e, const char *file);
clade_status envelope_write(const char *file, const struct envelope *e,
                            const clade_backend *be);
void envelope_free(struct envelope *e);

#endif
