/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FOLDER_H
#define FOLDER_H

/* Make a folder "NAME-XXXXXX" in the current one, for the files of a test.
 * Bails out on failure. */
char *folder_new(const char *name);
/* Remove the folder and everything in it, and free its name. */
void folder_remove(char *folder);

/* Between these calls compiled kernels are cached in a new, empty folder.
 * cache_begin() returns its path. */
const char *cache_begin(void);
void cache_end(void);

#endif
