/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A driver with a fault.  tests/faults.c defines some of OpenCL's functions.  A
 * program that links it calls these instead of the ICD loader's, and so do the
 * libraries that it uses.  clade's own code is the code that gets installed.
 *
 * While there is a fault, no program is put into the cache or taken from it,
 * except with `stale`.
 */
struct fault {
    /* The compiler reads `replace` in place of `find`, which must be exactly
     * once in cl/`file`.  If file is NULL, it does so everywhere in programs
     * that are not from cl/ (CLBlast's). */
    const char *file, *find, *replace;
    /* The options of a program are ignored: all programs of one source are
     * built with the options of the first. */
    bool first_options;
    /* Binaries are kept and used all the same, as if from an older driver. */
    bool stale;
    /* Every lost_every-th launch does nothing; counted are the launches of
     * kernel `lost`, or of all if that is NULL. */
    int lost_every;
    const char *lost;
    /* This kernel runs only after the next read, which does not wait for it. */
    const char *late;
    /* If not 0, launches of more groups in dimension 1 or 2 are refused. */
    size_t most_groups;
    /* If not 0, each launch, or each read, fails with this code. */
    int launch_error, read_error;
    /* The device answers the question `asked` with these bytes (0: it answers
     * for itself). */
    unsigned asked;
    const void *answer;
    size_t answer_bytes;
    /* A kernel's float argument `from` arrives as `to`. */
    float from, to;
};

/* Begin to have the fault.  Returns false if that is impossible, because the
 * text to change is not there; fault_error() says why. */
bool fault_begin(const struct fault *fault);
/* End the fault.  Returns how often it took effect. */
int fault_end(void);
const char *fault_error(void);

#endif
