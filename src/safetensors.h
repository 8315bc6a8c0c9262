/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include <jansson.h>
#include <stdint.h>

#include "status.h"

/*
 * The safetensors format: 8 bytes, little-endian, the length of a header; the
 * header, a JSON object name -> dtype, shape, data_offsets, with a string
 * table `__metadata__`; the data.  Here every tensor is F32, row-major.
 */
#define SAFETENSORS_DIMS 4

struct safetensor {
    const char *name;
    int dims;
    int64_t shape[SAFETENSORS_DIMS];
    uint64_t at; /* first byte in the data; set by the reader and the writer */
};

/* The elements of a tensor. */
int64_t safetensor_elements(const struct safetensor *t);

/*
 * Write (file_replace) tensors list[0..count-1] in this order, contiguous.
 * `metadata` is an object of strings.  `values` puts tensor i's elements at
 * `to`; a failure of its own ends the writing.
 */
clade_status safetensors_write(
    const char *path, json_t *metadata, struct safetensor *list, int count,
    clade_status (*values)(void *arg, int i, float *to), void *arg);

/*
 * Open a file, and check all of its header: lengths, types, shapes, and that
 * the tensors cover the data without gap or overlap.  CLADE_EDATA names file
 * and tensor; CLADE_EIO the file.
 */
struct safetensors;
clade_status safetensors_open(struct safetensors **file, const char *path);
void safetensors_close(struct safetensors *file);

const char *safetensors_path(const struct safetensors *file);
/* A text of the metadata, or NULL. */
const char *safetensors_text(const struct safetensors *file, const char *key);
/* The tensors, in the order of their data; *count of them. */
const struct safetensor *safetensors_list(const struct safetensors *file,
                                          int *count);
/* The tensor of a name, or NULL. */
const struct safetensor *safetensors_find(const struct safetensors *file,
                                          const char *name);
/* A tensor's elements. */
clade_status safetensors_read(struct safetensors *file, float *to,
                              const struct safetensor *t);

#endif
