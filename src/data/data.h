/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_H
#define DATA_H

#include <clade/data.h>
#include <jansson.h>

/* The numbers of images that a caller asks for must be 0 or more. */
clade_status data_check_counts(int train_count, int test_count);

/* The source of the built-in images. */
#define DATA_BUILTIN "builtin"

/* Give the classes the names that images of this source have unless a file says
 * otherwise: those of the built-in images, or CIFAR-10's. */
void data_name_classes(struct clade_data *data, const char *source);
/* Read the names from the folder's batches.meta.txt, a name a line.  If there
 * is no such file, they are CIFAR-10's.  CLADE_EDATA names file and line. */
clade_status data_read_classes(struct clade_data *data, const char *dir);
/* The names, an array of strings. */
json_t *data_classes_json(const struct clade_data *data);
/* Read them from the n bytes of such a file and a 0 byte, which are changed. */
clade_status data_take_classes(struct clade_data *data, char *text, size_t n,
                               const char *path);
/* What is wrong with the name of a class ("is empty"), or NULL. */
const char *data_class_fault(const char *name);

#endif
