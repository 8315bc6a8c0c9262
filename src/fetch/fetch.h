/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FETCH_H
#define FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include <clade/status.h>

struct fetch_options {
    const char *dir;    /* where the folder of the images goes */
    const char *url;    /* https:, http: or file: */
    const char *sha256; /* the archive's; 64 hexadecimal digits */
    const char *cacert; /* trust the certificates of this file; NULL: the
                           system's */
    /* Of `total` bytes (0: unknown), `done` have been downloaded. */
    void (*progress)(void *arg, int64_t done, int64_t total);
    /* Say what happens. */
    void (*notice)(void *arg, const char *text);
    /* Asked at least once a second; true ends it. */
    bool (*stop)(void *arg);
    void *arg;
};

/*
 * Make the folder `dir`/cifar-10-batches-bin from CIFAR-10's archive, and set
 * *folder to its path, which the caller frees.
 *
 * What is there already and right is not fetched again: the folder, the archive
 * `dir`/cifar-10-binary.tar.gz, or what an earlier call has of it in
 * `dir`/cifar-10-binary.tar.gz.part.  The folder appears when it is complete; a
 * damaged one is replaced, if it holds nothing else.  A file: URL is read where
 * it is.
 *
 * CLADE_EUSAGE        the URL or the SHA-256 is none; the folder holds other
 *                     files; clade was built without a library that this needs
 * CLADE_EINUSE        another process is fetching into `dir`
 * CLADE_EFAIL         the server could not be reached, or stopped sending
 * CLADE_EDATA         the archive is another one, or what it holds is wrong
 * CLADE_EIO           a file could not be read or written
 * CLADE_EINTERRUPTED  `stop` said so
 *
 * After a failure of the network or an interruption, the part stays.
 */
clade_status fetch_cifar10(char **folder, const struct fetch_options *o);

#endif
