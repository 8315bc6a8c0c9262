/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PREDICT_H
#define PREDICT_H

#include <stdbool.h>

#include <clade/net.h>

/* ---- files.c ------------------------------------------------------------- */

/* The pictures that a user names. */
struct predict_file {
    char *path; /* "-": standard input */
    bool named; /* itself, not its folder: it may be a FIFO */
};
struct predict_files {
    struct predict_file *list;
    int count;
};

/*
 * Add what an argument names: a file, "-", or the files of a folder in the
 * order of their names' bytes.  Of a folder, names that begin with a dot and
 * folders are left out.  No file is opened.
 *
 * CLADE_EDATA: a folder cannot be read, or holds no files.  CLADE_ENOMEM.
 */
clade_status predict_files_add(struct predict_files *files, const char *name);
void predict_files_free(struct predict_files *files);

/* ---- batch.c ------------------------------------------------------------- */

/* What is called meanwhile.  The pointers are valid during the call only. */
struct predict_observer {
    void *arg;
    /* The probabilities [classes] of a picture. */
    void (*predicted)(void *arg, const char *path, const double *probability,
                      int classes);
    /* A file could not be read as a picture; the message names it. */
    void (*refused)(void *arg, const char *path, const char *message);
    bool (*stop)(void *arg); /* true ends it with CLADE_EINTERRUPTED */
};

/* Pictures on their way through a net. */
struct predict_batch {
    const struct predict_files *files;
    const struct predict_observer *observer;
    int side;     /* of the images */
    int capacity; /* images at a time */
    int last;     /* images of the last batch, if all files can be read; 0: as
                     many as in the others */
    int n;        /* images in this batch */
    int next;     /* the first file that was not read yet */
    int refused;  /* files so far */
    clade_status fault; /* of the first file that was refused */
    int *file;          /* [capacity] whose image this is */
    uint8_t *images;    /* [capacity,side,side,3] */
};

/* Start with the first file.  files and observer must outlive the batch. */
clade_status predict_batch_new(struct predict_batch *b, int side, int batch,
                               const struct predict_files *files,
                               const struct predict_observer *observer);
void predict_batch_free(struct predict_batch *b);
/* Set the batches of the net that will be needed. */
void predict_batch_plan(struct clade_net_config *config,
                        const struct predict_batch *b);
/* Read the next files.  Fewer images than `capacity`, or none, come at the end.
 * A file that cannot be read is refused, and left out. */
clade_status predict_batch_fill(struct predict_batch *b);
/*
 * Predict.  The net has the batches of predict_batch_plan(), and bytes of
 * side x side.  A batch that is not full is filled up with other images: the
 * net has no plan for any number of them.  CLADE_EDATA: a logit is not finite.
 */
clade_status predict_batch_run(struct predict_batch *b, clade_net *net);

#endif
