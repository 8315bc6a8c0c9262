/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: list them, open one, and run ops on it. */
#ifndef CLADE_BACKEND_H
#define CLADE_BACKEND_H

#include <clade/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

enum clade_device_type {
    CLADE_DEVICE_CPU,
    CLADE_DEVICE_GPU,
    CLADE_DEVICE_OTHER
};

/* A device that a backend can open.  Texts are UTF-8, and cut to fit. */
struct clade_device {
    char selector[32];    /* "cpu", "cpu64", "opencl:0:1": what opens it */
    char platform[128];   /* its platform's name; "reference" for cpu */
    char name[128];
    char vendor[128];
    char driver[128];     /* driver version */
    char version[128];    /* OpenCL version text */
    char extensions[512]; /* those that matter, space-separated */
    enum clade_device_type type;
    uint64_t memory;       /* bytes in all */
    uint64_t max_alloc;    /* bytes at most in one buffer */
    uint64_t local_memory; /* bytes of local memory of a work-group */
    int units;             /* compute units */
    int vector_width;      /* native, in floats */
    int rank;              /* `opencl` takes the largest; ties by platform */
    bool denormals;        /* keeps subnormal floats */
    bool unified;          /* shares the host's memory */
    bool embedded;         /* of OpenCL's embedded profile: coarser functions,
                              and not always rounding to nearest */
    bool emulated;         /* llvmpipe, Oclgrind: never taken for a GPU */
    int loop_limit;        /* the driver ends a work-item's loops after so many
                              turns; 0: it does not */
    bool fma;              /* if open: its kernels fuse FMA() */
    uint64_t float_config; /* CL_DEVICE_SINGLE_FP_CONFIG, 0 for cpu */
};

/*
 * List every device of every backend, best first, in an array that
 * clade_devices_free() frees.  Platforms without devices are skipped.  CLADE_OK
 * with *count >= 2 (the reference is always there).
 */
CLADE_API clade_status clade_devices(struct clade_device **list, int *count);
CLADE_API void clade_devices_free(struct clade_device *list);

/*
 * Find the device that a text selects: `cpu`, `cpu64`, `opencl` (the best one;
 * `auto` is the same), `opencl:P:D`, `gpu`, or part of `platform / device` in
 * any case.  NULL: the environment's CLADE_DEVICE, else `opencl`, else (no
 * OpenCL device) `cpu`.
 * CLADE_EAMBIGUOUS or CLADE_ENODEVICE with the list in the message.
 */
CLADE_API clade_status clade_device_find(struct clade_device *device,
                                         const char *text);

/*
 * A backend at work on one device: one in-order queue and the programs and
 * kernels of one net.  Two backends may be used in two threads at once; one
 * backend in one thread at a time.  Buffers and tasks belong to the backend
 * that made them; every other one refuses them with CLADE_EUSAGE.
 */
typedef struct clade_backend clade_backend;

/*
 * Open the device that a text selects, as clade_device_find() takes it.  Close
 * waits for what is queued; the backend's buffers, tasks and nets must be freed
 * before.  It accepts NULL.
 *
 * CLADE_EAMBIGUOUS or CLADE_ENODEVICE with the list in the message;
 * CLADE_EDEVICE, CLADE_EBUILD (with the compiler's log) or CLADE_ENOMEM if the
 * device cannot be used.
 */
CLADE_API clade_status clade_backend_open(clade_backend **be,
                                          const char *device);
CLADE_API void clade_backend_close(clade_backend *be);
/* The device as it was opened; NULL for NULL. */
CLADE_API const struct clade_device *
clade_backend_device(const clade_backend *be);
/* CLADE_F32, or CLADE_F64 for cpu64: the type that its ops' floats have. */
CLADE_API enum clade_type clade_backend_real(const clade_backend *be);

enum clade_memory {
    CLADE_MEMORY_DEVICE, /* for kernels */
    CLADE_MEMORY_HOST    /* pinned: mapped once, for staging */
};

/*
 * Allocate `bytes` > 0 bytes; their contents are undefined.  CLADE_ENOMEM names
 * the size; CLADE_EDEVICE: it can't be mapped; CLADE_EUSAGE: 0 bytes.
 *
 * Free accepts NULL, leaves another backend's buffer alone, and does not wait
 * for queued work.  A buffer is freed once, as with free(), and no task that
 * uses it may run afterwards.
 */
CLADE_API clade_status clade_backend_alloc(clade_backend *be,
                                           struct clade_buffer **buffer,
                                           size_t bytes,
                                           enum clade_memory where);
CLADE_API void clade_backend_free(clade_backend *be,
                                  struct clade_buffer *buffer);
/* The bytes in buffers that are alive. */
CLADE_API uint64_t clade_backend_memory(const clade_backend *be);

/*
 * Each of the four below: CLADE_OK, or CLADE_EDEVICE or CLADE_ENOMEM with what
 * the driver said; CLADE_EUSAGE if the bytes do not lie in the buffer, or if it
 * is another backend's.  For 0 bytes they do nothing.
 */

/* Queued: `bytes` bytes from byte `at` on become copies of `word`; both are
 * multiples of 4. */
CLADE_API clade_status clade_backend_fill(clade_backend *be,
                                          struct clade_buffer *buffer,
                                          size_t at, size_t bytes,
                                          uint32_t word);
/* Queued: a copy between two buffers that do not overlap. */
CLADE_API clade_status clade_backend_copy(clade_backend *be,
                                          struct clade_buffer *to,
                                          size_t to_at,
                                          struct clade_buffer *from,
                                          size_t from_at, size_t bytes);
/* Done on return, after all that was queued before it.  If some of that failed,
 * it may return that failure, naming the op. */
CLADE_API clade_status clade_backend_read(clade_backend *be, void *to,
                                          struct clade_buffer *from,
                                          size_t at, size_t bytes);
/* Queued: `from` must stay as it is until clade_backend_finish() or a read. */
CLADE_API clade_status clade_backend_write(clade_backend *be,
                                           struct clade_buffer *to, size_t at,
                                           const void *from, size_t bytes);
/* The host's address of a CLADE_MEMORY_HOST buffer, valid until it is freed;
 * NULL for any other buffer. */
CLADE_API void *clade_backend_map(clade_backend *be,
                                  struct clade_buffer *buffer);

/* List the names of the algorithms that can run `op`, best first, at most
 * `max`; returns how many there are.  0: it is not supported, or no op that
 * clade_backend_choose() takes. */
CLADE_API int clade_backend_algorithms(clade_backend *be,
                                       const struct clade_op *op,
                                       const char *names[], int max);
/*
 * Choose how to compute an op: sets op->choice, workspace, packed and depth.
 * The caller then sets t[CLADE_WORKSPACE] and t[CLADE_PACKED] if the op needs
 * them.  `choice` is the name of an algorithm, or a whole choice as
 * clade_choice_text() writes it, which is taken unchanged or not at all; NULL:
 * for a product, the one that `clade tune` has measured to be fastest on this
 * device, else the one estimated to be.  An algorithm of another library is tried
 * once for each device, driver and shape before it is chosen.  If it computes
 * wrongly, it is passed over with a notice; if `choice` names it, it is refused.
 *
 * CLADE_EUSAGE names the algorithms that there are, if `choice` is none of
 * them.  It is also the status of an op that no function of ops.h makes, and of
 * one whose floats are not of the backend's type.  CLADE_EUNSUPPORTED names the
 * op that the device, or the choice, cannot run, or which the choice computes
 * wrongly.
 * CLADE_EDEVICE or CLADE_ENOMEM: what was queued before has failed, or the
 * device was lost while an algorithm was tried.
 */
CLADE_API clade_status clade_backend_choose(clade_backend *be,
                                            struct clade_op *op,
                                            const char *choice);
/* Write a choice into `text`, as "direct:1,14,2,16,16,45" (the name alone if
 * all parameters are 0, "" if nothing is chosen), and return `text`. */
#define CLADE_CHOICE_TEXT 128
CLADE_API char *clade_choice_text(char text[CLADE_CHOICE_TEXT],
                                  const struct clade_choice *choice);
/* Say whether programs that are built from now on fuse FMA(), whatever was
 * decided at open.  A backend without this choice, as the reference, ignores
 * it: clade_backend_device() says what holds. */
CLADE_API clade_status clade_backend_fuse(clade_backend *be, bool fma);
/* An op made ready to run: programs built, launches laid out, arguments
 * set. */
typedef struct clade_task clade_task;

/*
 * Make an op ready to run any number of times.  It must have a choice that this
 * backend made, and its tensors must lie in CLADE_MEMORY_DEVICE buffers of this
 * backend, those that the choice needs included: t[CLADE_WORKSPACE] of at least
 * op->workspace bytes, t[CLADE_PACKED] of at least op->packed elements.  The
 * buffers and op->step must outlive the last run of the task; the op need not.
 * Programs are shared by tasks and kept until the backend closes.
 *
 * CLADE_EUSAGE says which of this is missing.  CLADE_EBUILD carries the
 * compiler's log.
 */
CLADE_API clade_status clade_backend_prepare(clade_backend *be,
                                             clade_task **task,
                                             const struct clade_op *op);
/* Queue a task, with its op->step's values as they are now.  A fault may show
 * later, in finish or read; it names the op.  CLADE_EUSAGE if the task is NULL
 * or another backend's, or if its step cannot be: a batch of 0 images. */
CLADE_API clade_status clade_backend_run(clade_backend *be, clade_task *task);
/* Free a task, before its backend closes; waits for it if it is still queued.
 * Accepts NULL, and leaves another backend's task alone. */
CLADE_API void clade_backend_release(clade_backend *be, clade_task *task);
/* Send what is queued to the device; wait until all of it is done. */
CLADE_API clade_status clade_backend_flush(clade_backend *be);
CLADE_API clade_status clade_backend_finish(clade_backend *be);

/* Call `say` with a line of text now and then while choosing or preparing takes
 * long (products are checked once per device and driver).  NULL, as at first:
 * say nothing. */
CLADE_API void clade_backend_progress(clade_backend *be,
                                      void (*say)(void *arg, const char *text),
                                      void *arg);

/* Get what the user should know since the last call, a line each (such as an
 * algorithm found wrong); NULL if nothing.  Valid until the next call. */
CLADE_API const char *clade_backend_notices(clade_backend *be);

#ifdef __cplusplus
}
#endif

#endif
