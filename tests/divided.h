/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIVIDED_H
#define DIVIDED_H

#include <clade/verify.h>

#include "dist/dist.h"
#include "verify/trace.h"

/* What a rank has after a training of verify's, with each batch in shares. */
struct divided {
    struct trace trace; /* losses and norms, as trace_make() keeps them */
    float *values;      /* all parameters */
    size_t bytes;       /* of them */
};

/* Train as trace_make() does, in the shares that `sizes` lists ("1,1"), by all
 * ranks together; the device is one of float32.  Bails out. */
void divided_train(struct divided *divided, clade_backend *be,
                   const struct dist *dist, const char *sizes,
                   const struct training_config *config);
void divided_free(struct divided *divided);

/* Print how far away a training was; spread_verdict() calls it. */
void divided_note(void *arg, const struct clade_training *training);

#endif
