/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOORS_H
#define DOORS_H

#include "backend.h"

/*
 * The doors are the functions that make ops.  They look only at shapes, so
 * their tests need no device and no memory.
 */

/* Buffers without memory; they count as larger than any tensor here. */
extern struct clade_buffer room[8];
/* A dense tensor at the start of room[i]. */
struct clade_tensor tensor(int i, int n, int h, int w, int c);
struct clade_tensor bytes(int i, int n, int h, int w, int c);

static const struct clade_tensor absent = { 0 };
static const struct clade_step step = { .batch = 2 };

struct door_case {
    clade_status (*make)(void);
    const char *refusal; /* part of the message; NULL: it is let in */
    const char *why;
};

/* A test each: whether the door lets in what it should, and says why if not. */
void doors_expect(clade_status st, clade_status wanted, const char *refusal,
                  const char *why);
void doors_test(const struct door_case *cases, int n, clade_status refused);

#endif
