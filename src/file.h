/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILE_H
#define FILE_H

#include <stdio.h>

#include "status.h"

/*
 * Write the file `path` by calling `write`.
 *
 * A regular file is replaced as a whole, and gets the permissions of the old
 * one.  `write` writes to a new file beside it, `path`.PID-N.tmp, which is then
 * flushed to the disk and renamed.  On failure the old file stays and the new
 * one is removed.  If `path` is a symbolic link, the file that it leads to is
 * replaced, and the link stays.
 *
 * What exists and is no regular file (a device, a FIFO) is written into.
 *
 * Returns the status of `write` if that failed, or CLADE_EIO, whose message
 * names the file.
 */
clade_status file_replace(const char *path,
                          clade_status (*write)(void *arg, FILE *file),
                          void *arg);
/*
 * Give what the file `path` holds the name `as`, too, in the place of any file
 * of that name.  It stays when file_replace() replaces `path`.  The two are one
 * file on the disk, or a copy if the file system cannot do that.
 */
clade_status file_keep(const char *path, const char *as);
/* Could file_replace() write this file?  CLADE_EIO says why not. */
clade_status file_probe(const char *path);
/* Remove what processes that were killed in file_replace() left of `path`.
 * Nobody may be replacing it now. */
void file_remove_leftovers(const char *path);

/*
 * Open a regular file for reading.  This never waits, as it would for a FIFO.
 *
 * CLADE_EDATA  nothing has this name, or it is a folder or no regular file
 * CLADE_EIO    it cannot be opened
 *
 * The message names the file.
 */
clade_status file_open(FILE **file, const char *path);
/* Open and read a whole regular file: *n bytes in *text, with a 0 byte after
 * them.  The caller frees *text.  Fails like file_open(). */
clade_status file_read(char **text, size_t *n, const char *path);
/* The same, but wait for the text if the file is a FIFO or a pipe, as a user
 * names it with the shell's <(command). */
clade_status file_read_pipe(char **text, size_t *n, const char *path);
/* The same for a file that is open; `path` is for the message.  CLADE_EIO: it
 * cannot be read. */
clade_status file_read_open(char **text, size_t *n, int fd, const char *path);

/* "folder/name", which the caller frees; NULL if there is no memory. */
char *file_path(const char *folder, const char *name);
/* "folder/name", in the cache folder: $XDG_CACHE_HOME/clade, else
 * ~/.cache/clade; the caller frees it.  NULL: neither is an absolute path, or
 * there is no memory. */
char *file_cache(const char *name);

/* Make a folder and all folders above it, which may exist already.  Each new
 * name is flushed to the disk.  Set *made to the number of folders made; it may
 * be NULL. */
clade_status file_make_folder(const char *path, int *made);
/* Make the folder of a file. */
clade_status file_make_folder_of(const char *path);
/* Give a file or folder another name, where there is nothing or an empty
 * folder, and flush the name to the disk.  CLADE_EIO. */
clade_status file_move(const char *from, const char *to);
/* Remove the folder and those above it, `made` in all, if they are empty. */
void file_remove_folder(const char *path, int made);

/*
 * Lock a folder, so that no other caller can until file_unlock(*lock), or until
 * this process ends.
 *
 * CLADE_EINUSE        another caller has locked it
 * CLADE_EUNSUPPORTED  its file system has no locks
 * CLADE_EIO           it is no folder, or it cannot be opened
 *
 * The message names the folder.
 */
clade_status file_lock(int *lock, const char *folder);
void file_unlock(int lock);

#endif
