/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPENCL_CORE_H
#define OPENCL_CORE_H

#include "child.h"
#include "opencl.h"

/* What the backend's own files share; op families need opencl.h alone.  Below,
 * each file calls only those above it. */

/* ---- error.c ----------------------------------------------------------- */

const char *ocl_strerror(cl_int err);

/* Note what the driver tells a context's callback; `name` is the device's. */
void ocl_driver_says(const char *name, const char *words);
/* Get what the driver last said, to append to a message ("" if nothing).  The
 * text is this thread's, and is returned only once. */
const char *ocl_driver_said(void);

/* ---- context.c --------------------------------------------------------- */

/* Open the context of o->dev: one for each device, shared and counted. */
clade_status ocl_context_open(struct ocl *o);
void ocl_context_close(struct ocl *o);

/* ---- devices.c --------------------------------------------------------- */

/* List the devices of all platforms: the table's function.  Find the one that a
 * selector (opencl:P:D) names. */
clade_status ocl_devices(struct clade_device **list, int *count);
clade_status ocl_device_find(cl_platform_id *platform, cl_device_id *dev,
                             const char *selector);
/* Get how many work-items a group may have along each dimension. */
void ocl_group_items(size_t items[3], cl_device_id dev);
/* Say what a device lacks to run programs, or NULL: nothing. */
const char *ocl_device_lacks(cl_device_id dev);

/* ---- cache.c ----------------------------------------------------------- */

/* Load or store the file of a key in the cache folder.  Load returns malloc'd
 * bytes with a 0 after them, or NULL if the file is absent, damaged, of another
 * key, or not this user's alone to write.  Storing is best effort. */
void *ocl_cache_load(const char *key, size_t *bytes);
void ocl_cache_store(const char *key, const void *data, size_t bytes);
/* "platform, device, driver": the start of every key, malloc'd. */
char *ocl_cache_device(const struct ocl *o);
/* Recall or remember a small text under a key, to which device and driver are
 * added: the table's functions. */
char *ocl_recall(clade_backend *be, const char *key);
void ocl_remember(clade_backend *be, const char *key, const char *text);
char *ocl_recall_closed(const struct clade_device *device, const char *key);
/* The file in the cache folder for what is measured on a device, which need not
 * be open; malloc'd.  NULL: there is no folder, or no such device. */
char *ocl_measured_file(const struct clade_device *device);

/* ---- program.c --------------------------------------------------------- */

clade_status ocl_programs_new(struct ocl_programs **programs);
void ocl_programs_free(struct ocl_programs *programs);
/* A hash of all the source that a text is built from. */
uint64_t ocl_text_hash(const struct ocl_text *text);
/* All the options that a text is built with, malloc'd. */
char *ocl_all_options(const struct ocl *o, const char *options);
/*
 * Make a kernel object, which the caller releases, of a text built with
 * options.  Its program comes from memory, the cache folder or the source.
 * *limit is how many work-items the driver allows in its groups.  CLADE_EBUILD
 * carries the compiler's log.
 */
clade_status ocl_kernel_new(cl_kernel *kernel, size_t *limit, struct ocl *o,
                            const struct clade_op *op,
                            const struct ocl_text *text, const char *name,
                            const char *options);

/* ---- probe.c ----------------------------------------------------------- */

/* Its kernels: probe_flag, probe_fma and probe_sum. */
extern const struct ocl_text ocl_probe_text;
/* Decide the device's fma, or read what was decided before. */
clade_status ocl_decide_fma(struct ocl *o);

/* ---- queue.c: commands on their way ------------------------------------ */

clade_status ocl_pending_new(struct ocl_pending **pending);
void ocl_pending_free(struct ocl_pending *pending);
/* Keep the event (or NULL) of a command; takes it over.  `what` names it if it
 * fails, and must live until the event has ended or been forgotten. */
void ocl_pending_add(struct ocl *o, const char *what, cl_event event);
/* Wait for the commands that `what` names, so that it can be freed. */
void ocl_pending_forget(struct ocl *o, const char *what);
/* Release the events of commands that ended.  Return the status of one that
 * failed, naming its op.  `all`: wait for all commands. */
clade_status ocl_pending_check(struct ocl *o, bool all);
/* Note that all of them are waited for, or read from (child.h). */
void ocl_pending_note(const struct ocl *o, const char *doing);
/* The table's functions of these names. */
clade_status ocl_flush(clade_backend *be);
clade_status ocl_finish(clade_backend *be);

/* ---- memory.c: the table's functions of these names -------------------- */

clade_status ocl_alloc(clade_backend *be, struct clade_buffer **buffer,
                       size_t bytes, enum clade_memory where);
void ocl_free(clade_backend *be, struct clade_buffer *buffer);
clade_status ocl_fill(clade_backend *be, struct clade_buffer *buffer, size_t at,
                      size_t bytes, uint32_t word);
clade_status ocl_copy(clade_backend *be, struct clade_buffer *to, size_t to_at,
                      struct clade_buffer *from, size_t from_at, size_t bytes);
clade_status ocl_read(clade_backend *be, void *to, struct clade_buffer *from,
                      size_t at, size_t bytes);
clade_status ocl_write(clade_backend *be, struct clade_buffer *to, size_t at,
                       const void *from, size_t bytes);
void *ocl_map(clade_backend *be, struct clade_buffer *buffer);

/* ---- peak.c ------------------------------------------------------------ */

/* Its kernels: peak_flops and peak_bytes. */
extern const struct ocl_text ocl_peak_text;
/* Measure the device's peaks: the table's function. */
clade_status ocl_peaks(clade_backend *be, struct backend_peaks *peaks);

/* ---- task.c: the table's functions ------------------------------------- */

/* Make a task without launches.  ocl_launch() adds them, and builds at once. */
clade_status ocl_task_new(struct ocl_task **task, struct ocl *o,
                          const struct clade_op *op);
void ocl_task_free(clade_backend *be, clade_task *task);
/* Queue its launches, with the step's values as they are now. */
clade_status ocl_task_run(clade_backend *be, clade_task *task);

#endif
