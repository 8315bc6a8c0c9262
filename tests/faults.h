/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

/*
 * A driver with a fault.  A program that links tests/faults.c gets a few of
 * OpenCL's calls from there, in front of the ICD loader's, and so do the
 * libraries that it uses: clade's own code stays as it is installed.
 *
 * Programs that have been built with a fault never reach the cache, nor does
 * the cache serve any while there is one, but for `stale`.
 */
struct fault {
    /* The compiler: `find` of cl/`file`, which must be there exactly once, is
     * compiled as `replace`; file NULL: wherever it is in programs that are
     * not of cl/ (CLBlast's). */
    const char *file, *find, *replace;
    /* Its cache: every program of a text is the first one's, whatever the
     * options; binaries of before live on. */
    bool first_options, stale;
    /* The queue: each n-th launch, of any kernel or of one, is lost; this
     * kernel runs only after the next read, which does not wait for it. */
    int lost_every;
    const char *lost, *late;
    /* The device: each launch, and each read, ends with this code. */
    int launch_error, read_error;
    /* A kernel's float argument of this value arrives as another. */
    float from, to;
};

/* Have the fault from now on; false with a reason in fault_error(), if it
 * cannot be made: what it changes is not there. */
bool fault_begin(const struct fault *fault);
/* An honest driver again.  Returns how often the fault took effect. */
int fault_end(void);
const char *fault_error(void);

#endif
