/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAR_H
#define TAR_H

#include <stddef.h>
#include <stdint.h>

#include <clade/status.h>

/* A tar archive, which gzip may have compressed, read from start to end. */
struct tar;

struct tar_member {
    const char *name; /* its path; valid until the next call */
    int64_t bytes;
};

/* CLADE_EUSAGE if clade was built without the library that reads archives. */
clade_status tar_available(void);

/*
 * Open an archive.  CLADE_EDATA: it is missing or no archive; CLADE_EIO;
 * CLADE_EUSAGE as above.  Here and below, the message names the archive, and
 * the member if it is that.
 */
clade_status tar_open(struct tar **tar, const char *path);

/*
 * Go on to the next regular file; folders are passed over.  At the end of the
 * archive, the name is NULL.  CLADE_EDATA: the archive is damaged or cut short,
 * or it has what no data set needs and what could write elsewhere: a link, a
 * device, an absolute path, a path with "..", or more than 100 members.
 */
clade_status tar_next(struct tar *tar, struct tar_member *member);

/* Read the next n bytes of the member.  CLADE_EDATA: they are damaged, or there
 * are fewer. */
clade_status tar_read(struct tar *tar, void *to, size_t n);

/* Accepts NULL. */
void tar_close(struct tar *tar);

#endif
