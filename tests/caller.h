/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLER_H
#define CALLER_H

#include <clade/backend.h>

/*
 * What tests/callers-*.c share: programs that do what a caller must not.  They
 * use public headers only, so they are built against the installed library,
 * too.
 */

/* A mistake must give its status, with a message that has the text. */
struct mistake {
    clade_status (*make)(void);
    clade_status wanted;
    const char *text, *why;
};

#define CALLER_ROOM 65536 /* bytes of each buffer */

/* What the mistakes are made with. */
extern struct caller {
    const char *device;
    clade_backend *be;
    clade_backend *other; /* on another device */
    enum clade_type real;
    struct clade_buffer *room[4];
    struct clade_buffer *elsewhere; /* of `other` */
    struct clade_buffer *pinned;    /* for staging */
} caller;

/* Bail out if a call that must succeed has failed. */
void caller_need(clade_status st);

/* Make mistakes: a test each. */
void caller_make(const struct mistake *mistakes, int n);
/* Skip the tests of as many. */
void caller_skip(const struct mistake *mistakes, int n, const char *why);

/* Call `test` on `cpu`, `cpu64` and the device under test, each time for as
 * many tests. */
void caller_each(void (*test)(void), int tests);
enum { CALLER_DEVICES = 3 };

#endif
