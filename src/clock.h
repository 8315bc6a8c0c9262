/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

/* Seconds of a clock that is never set: the difference of two is a time. */
double clock_now(void);

#endif
