/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILE_H
#define FILE_H

#include <stdio.h>

#include "status.h"

/*
 * Replace the file `path` by what `write` writes, all of it or nothing: into
 * `path`.tmp, flushed to the disk, then renamed.  On failure the old file
 * stays and the new one is removed.  CLADE_EIO names the file, or the status
 * that `write` returned.
 */
clade_status file_replace(const char *path,
                          clade_status (*write)(void *arg, FILE *file),
                          void *arg);

/* A whole file, and a 0 after it, in *text (to be freed), n bytes. CLADE_EIO
 * names it. */
clade_status file_read(char **text, size_t *n, const char *path);

/* `folder`/`name`, to be freed; NULL if there is no memory. */
char *file_path(const char *folder, const char *name);

/* Make a folder and those above it; one that is there already is fine. */
clade_status file_make_folder(const char *path);

#endif
