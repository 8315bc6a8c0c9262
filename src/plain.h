/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAIN_H
#define PLAIN_H

#include <locale.h>

/*
 * The program that uses the library may have set a locale, in which 0.5 is
 * "0,5".  Between plain_begin() and plain_end(before), this thread formats,
 * parses and compares as in the C locale.  Every text that a program reads
 * needs that: files, metadata, keys.  Call no function of the user meanwhile.
 */
locale_t plain_begin(void);
void plain_end(locale_t before);

/* JSON takes only UTF-8.  If a text is not, each of its bytes that is not ASCII
 * becomes a `?`. */
void plain_utf8(char *text);

#endif
