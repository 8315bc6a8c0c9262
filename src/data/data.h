/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_H
#define DATA_H

#include <clade/data.h>

/* The numbers of images that a caller asks for must be 0 or more. */
clade_status data_check_counts(int train_count, int test_count);

#endif
