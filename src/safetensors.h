/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include <jansson.h>
#include <stdint.h>

#include "status.h"

/*
 * The safetensors format.  A file has three parts:
 *
 *     the length of the header, 8 bytes, little-endian
 *     the header, a JSON object: for each tensor its name with dtype, shape and
 *         data_offsets; and `__metadata__`, an object of strings
 *     the data
 *
 * Here every tensor is F32 and row-major.
 */
#define SAFETENSORS_DIMS 4

struct safetensor {
    const char *name;
    int dims;
    int64_t shape[SAFETENSORS_DIMS];
    uint64_t at; /* its first byte in the data; reading and writing set it */
};

/* The number of elements of a tensor. */
int64_t safetensor_elements(const struct safetensor *t);

/*
 * Write tensors list[0..count-1] to a file, in this order, without gaps (by
 * file_replace()).  `metadata` is an object of strings.  `values` must write
 * the elements of tensor i to `to`; if it fails, so does this.
 */
clade_status safetensors_write(
    const char *path, json_t *metadata, struct safetensor *list, int count,
    clade_status (*values)(void *arg, int i, float *to), void *arg);

/*
 * Open a file, and check its whole header: lengths, types, shapes, and that the
 * tensors cover the data without gap or overlap.  CLADE_EDATA: the message
 * names file and tensor.  CLADE_EIO: the message names the file.
 */
struct safetensors;
clade_status safetensors_open(struct safetensors **file, const char *path);
void safetensors_close(struct safetensors *file);

const char *safetensors_path(const struct safetensors *file);
/* The text of a key of the metadata, or NULL. */
const char *safetensors_text(const struct safetensors *file, const char *key);
/* The tensors in the order of their data, and their number. */
const struct safetensor *safetensors_list(const struct safetensors *file,
                                          int *count);
/* The tensor with a name, or NULL. */
const struct safetensor *safetensors_find(const struct safetensors *file,
                                          const char *name);
/* Read the elements of a tensor. */
clade_status safetensors_read(struct safetensors *file, float *to,
                              const struct safetensor *t);

#endif
