/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_H
#define BACKEND_H

#include <clade/backend.h>

/* A choice that a backend offers for an op. */
struct backend_candidate {
    struct clade_choice choice;
    double cost;          /* estimated; the least is the best */
    const char *unproven; /* the name and version of another library's code,
                             which is tried before it is chosen; NULL: ours */
    const char *build;    /* what tells builds of that code apart */
    bool variant; /* another tuning of the candidate of this algorithm that is
                     not one; only a measurement or a caller chooses it */
};

/* The most that a device does, measured by kernels that do nothing else. */
struct backend_peaks {
    double flops; /* of FMA(), a second; 0: not measured */
    double bytes; /* of memory beyond the caches read and written, a second */
};

/*
 * What a backend must be able to do: the functions of <clade/backend.h>, whose
 * comments are the contract.  A new backend is one folder and one line in the
 * table of backend.c.
 */
struct backend_table {
    const char *name;
    const char *const *algorithms; /* of products; a NULL ends the list */
    /* Append this backend's devices to *list (realloc), *count long. */
    clade_status (*devices)(struct clade_device **list, int *count);
    clade_status (*open)(clade_backend **be, const struct clade_device *device);
    void (*close)(clade_backend *be);
    clade_status (*alloc)(clade_backend *be, struct clade_buffer **buffer,
                          size_t bytes, enum clade_memory where);
    void (*free)(clade_backend *be, struct clade_buffer *buffer);
    clade_status (*fill)(clade_backend *be, struct clade_buffer *buffer,
                         size_t at, size_t bytes, uint32_t word);
    clade_status (*copy)(clade_backend *be, struct clade_buffer *to,
                         size_t to_at, struct clade_buffer *from,
                         size_t from_at, size_t bytes);
    clade_status (*read)(clade_backend *be, void *to, struct clade_buffer *from,
                         size_t at, size_t bytes);
    clade_status (*write)(clade_backend *be, struct clade_buffer *to, size_t at,
                          const void *from, size_t bytes);
    void *(*map)(clade_backend *be, struct clade_buffer *buffer);
    /* List the choices for an op, at most `max`, in any order; returns how many
     * there are. */
    int (*candidates)(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max);
    /* Set workspace, packed and depth for op->choice.  CLADE_EUNSUPPORTED if it
     * needs more than the device can index. */
    clade_status (*settle)(clade_backend *be, struct clade_op *op);
    clade_status (*fuse)(clade_backend *be, bool fma); /* NULL: no choice */
    clade_status (*prepare)(clade_backend *be, clade_task **task,
                            const struct clade_op *op);
    clade_status (*run)(clade_backend *be, clade_task *task);
    void (*release)(clade_backend *be, clade_task *task);
    /* Get the texts of the programs and kernels that an op with its choice
     * runs, a line each, malloc'd; ops with the same lines run the same code.
     * Nothing is built, and the op's tensors need no memory.  NULL: the backend
     * compiles nothing. */
    clade_status (*uses)(clade_backend *be, char **text,
                         const struct clade_op *op);
    clade_status (*flush)(clade_backend *be);
    clade_status (*finish)(clade_backend *be);
    /* Measure the peaks, in about a second; nothing is queued before.  NULL:
     * there is nothing that could. */
    clade_status (*peaks)(clade_backend *be, struct backend_peaks *peaks);
    /* Get the text kept under a key for this device and driver, malloc'd, or
     * NULL; keep one, best effort.  Both NULL: nothing is kept. */
    char *(*recall)(clade_backend *be, const char *key);
    void (*remember)(clade_backend *be, const char *key, const char *text);
    /* As recall, for a device that need not be open; NULL if it is another
     * backend's. */
    char *(*recall_closed)(const struct clade_device *device, const char *key);
    /* Get the name of the file for what is measured on a device and its driver,
     * malloc'd, and a hash of the kernels that are measured; the device need
     * not be open.  NULL: there is no place for it, or the device is another
     * backend's.  NULL as a function: nothing is measured. */
    char *(*measured_file)(const struct clade_device *device,
                           uint64_t *kernels);
};

/* The most candidates for one op. */
#define BACKEND_CANDIDATES 64

/* Where the next program that is not in memory yet comes from. */
enum backend_build {
    BUILD_EITHER, /* the cache folder, else the source */
    BUILD_SOURCE, /* the source; kept in the cache folder if not there yet */
    BUILD_CACHED  /* the cache folder, to which it is added first; where the
                     driver keeps programs itself, or nothing can be kept, the
                     source once more */
};

/*
 * What a judge sets to make a backend work differently and to see what it
 * does; in normal use a backend has none.  The first part is for ops that are
 * prepared from now on; the backend counts in the second.
 */
struct backend_debug {
    enum backend_build build;
    bool unoptimised; /* build programs with -cl-opt-disable */
    bool integers;   /* algorithms that transform take points that are integers,
                        so that exact data stay exact (op/winograd.h) */
    int group_items; /* most work-items in a group whose size the backend
                        chooses; 0: no limit */

    int programs;      /* built */
    int regrouped;     /* launches prepared in smaller groups for group_items */
    int foreign;       /* launches prepared of another library's kernels */
    int launches;      /* queued */
    uint64_t launched; /* a hash of the programs, kernels and groups queued, in
                          order */
};

#define BACKEND_WHY 512

/* An algorithm that is wrong on this device for a kind of op. */
struct backend_avoided {
    enum clade_op_kind kind;
    const char *algorithm; /* its name, static */
    char why[BACKEND_WHY]; /* what it did wrong */
};
#define BACKEND_AVOIDED_MAX 16

/* The start of each backend's own struct. */
struct clade_backend {
    const struct backend_table *table;
    struct clade_device device;
    enum clade_type real;
    uint64_t memory;             /* bytes in buffers that are alive */
    struct backend_debug *debug; /* NULL in normal use */
    void (*say)(void *arg, const char *text); /* progress; may be NULL */
    void *say_arg;
    char build_options[192]; /* every program's; empty for the reference */
    struct backend_avoided avoided[BACKEND_AVOIDED_MAX];
    int n_avoided;
    char unable[CLADE_CHOICE_TEXT]; /* what a notice says that it cannot run all
                                       products of a net; or empty */
    struct measured *measured; /* backend_measured()'s, once it is asked for */
    bool has_no_measured;      /* and it is NULL */
    char *notices;             /* not yet returned, a line each; or NULL */
    char *told;                /* those returned last */
};

/* The start of each backend's own buffer. */
struct clade_buffer {
    size_t bytes;
    const clade_backend *be; /* that allocated it for a caller; else NULL */
    enum clade_memory where;
};

/* The start of each backend's own task. */
struct clade_task {
    struct clade_op op;
    const clade_backend *be; /* that prepared it */
};

/* clade_backend_prepare() for an op that needs no checks.  Its choice may be
 * one that the backend would not offer for its shape. */
clade_status backend_prepare(clade_backend *be, clade_task **task,
                             const struct clade_op *op);
/* Prepare an op, run it once, wait for it, and give its task back.  The buffers
 * of the op are not checked: they may be cpu_wrap()'s. */
clade_status backend_run_once(clade_backend *be, const struct clade_op *op);

/* Measure the peaks of the device; all 0 if the backend cannot. */
clade_status backend_peaks(clade_backend *be, struct backend_peaks *peaks);

/* Get the text kept under a key for a device that need not be open, malloc'd,
 * or NULL. */
char *backend_recall_closed(const struct clade_device *device, const char *key);

/* Make the choice that another op of the same kind has, and settle on it. */
clade_status backend_choose_as(clade_backend *be, struct clade_op *op,
                               const struct clade_choice *choice);

/* Whether the backend has this algorithm, or choice, for an op. */
bool backend_offers(clade_backend *be, const struct clade_op *op,
                    const char *choice);

/* Never choose an algorithm again for a kind of op, whoever asks for it; add a
 * notice. */
void backend_avoid(clade_backend *be, const struct backend_avoided *avoided);
bool backend_is_avoided(const clade_backend *be, enum clade_op_kind kind,
                        const char *algorithm);
/* Whether an op could be computed by an algorithm other than its own that is
 * not avoided. */
bool backend_has_other(clade_backend *be, const struct clade_op *op);

/* List the candidates for an op that are not avoided, best first; the first is
 * chosen if nothing is measured and it can be settled.  Returns how many there
 * are. */
int backend_offer(clade_backend *be, const struct clade_op *op,
                  struct backend_candidate list[BACKEND_CANDIDATES]);
/* Get what was measured on the device (measured.h), read when it is first asked
 * for.  NULL: the backend measures nothing, or has no place for it. */
struct measured *backend_measured(clade_backend *be);
/* Get the file for what is measured on a device that need not be open,
 * malloc'd, and the hash of its kernels; NULL: there is none. */
char *backend_measured_file(const struct clade_device *device,
                            uint64_t *kernels);

/* Add a line for clade_backend_notices(). */
void backend_notice(clade_backend *be, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

extern const struct backend_table backend_cpu, backend_opencl;

#endif
