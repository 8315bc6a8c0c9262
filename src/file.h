/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILE_H
#define FILE_H

#include <stdio.h>

#include "status.h"

/*
 * Replace the file `path` as a whole.  `write` writes to `path`.tmp, which is
 * then flushed to the disk and renamed.  On failure the old file stays and the
 * new one is removed.  Returns the status of `write` if that failed, or
 * CLADE_EIO, whose message names the file.
 */
clade_status file_replace(const char *path,
                          clade_status (*write)(void *arg, FILE *file),
                          void *arg);

/* Read a whole file: *n bytes in *text, with a 0 byte after them.  The caller
 * frees *text.  CLADE_EIO: the message names the file. */
clade_status file_read(char **text, size_t *n, const char *path);

/* "folder/name", which the caller frees; NULL if there is no memory. */
char *file_path(const char *folder, const char *name);

/* Make a folder and all folders above it.  It may exist already. */
clade_status file_make_folder(const char *path);

#endif
