/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FOLDER_H
#define FOLDER_H

/* A new folder, "NAME-XXXXXX" below the current one, for what a test writes.
 * Bails out if there can be none. */
char *folder_new(const char *name);
/* Remove it with all that is in it, and free its name. */
void folder_remove(char *folder);

/* Keep compiled kernels in a new folder, whose path this returns, from its
 * begin to its end. */
const char *cache_begin(void);
void cache_end(void);

#endif
