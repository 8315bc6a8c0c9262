/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_H
#define BACKEND_H

#include <clade/backend.h>

/*
 * What a backend must be able to do: the functions of <clade/backend.h>, whose
 * comments are the contract.  A new backend is one folder and one line in the
 * table of backend.c.
 */
struct backend_table {
    const char *name;
    /* Append this backend's devices to *list (realloc), *count long. */
    clade_status (*devices)(struct clade_device **list, int *count);
    clade_status (*open)(clade_backend **be,
                         const struct clade_device *device);
    void (*close)(clade_backend *be);
    clade_status (*alloc)(clade_backend *be, struct clade_buffer **buffer,
                          size_t bytes, enum clade_memory where);
    void (*free)(clade_backend *be, struct clade_buffer *buffer);
    clade_status (*fill)(clade_backend *be, struct clade_buffer *buffer,
                         size_t at, size_t bytes, uint32_t word);
    clade_status (*copy)(clade_backend *be, struct clade_buffer *to,
                         size_t to_at, struct clade_buffer *from,
                         size_t from_at, size_t bytes);
    clade_status (*read)(clade_backend *be, void *to,
                         struct clade_buffer *from, size_t at, size_t bytes);
    clade_status (*write)(clade_backend *be, struct clade_buffer *to,
                          size_t at, const void *from, size_t bytes);
    void *(*map)(clade_backend *be, struct clade_buffer *buffer);
    int (*algorithms)(clade_backend *be, const struct clade_op *op,
                      const char *names[], int max);
    clade_status (*choose)(clade_backend *be, struct clade_op *op,
                           const char *name);
    clade_status (*fuse)(clade_backend *be, bool fma); /* NULL: no choice */
    clade_status (*prepare)(clade_backend *be, struct clade_op *op);
    clade_status (*run)(clade_backend *be, const struct clade_op *op);
    clade_status (*flush)(clade_backend *be);
    clade_status (*finish)(clade_backend *be);
    const char *(*notices)(clade_backend *be);
};

/* Where a backend that compiles takes programs from that it hasn't yet taken
 * from there. */
enum backend_build {
    BUILD_EITHER, /* the cache folder, else the source */
    BUILD_SOURCE, /* the source; kept in the cache folder if not there yet */
    BUILD_CACHED  /* the cache folder, to which it is added first; where the
                     driver keeps programs itself, or nothing can be kept, the
                     source once more */
};

/* The start of each backend's own struct. */
struct clade_backend {
    const struct backend_table *table;
    struct clade_device device;
    enum clade_type real;
    uint64_t memory; /* bytes in buffers that are alive */
    enum backend_build build;
    int programs;      /* built so far */
    uint64_t launched; /* a hash of programs, kernels and groups queued since
                          it was last set, in order */
    bool unoptimised; /* programs are built with -cl-opt-disable */
    int group_items;  /* work-items in groups whose size is the backend's
                         choice, at most; 0: as it sees fit */
    int regrouped;    /* groups that this made smaller, so far */
    void (*say)(void *arg, const char *text); /* progress; may be NULL */
    void *say_arg;
    char build_options[192]; /* every program's; empty for the reference */
};

/* The start of each backend's own buffer. */
struct clade_buffer {
    size_t bytes;
};

extern const struct backend_table backend_cpu, backend_opencl;

#endif
