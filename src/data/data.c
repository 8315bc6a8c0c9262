/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/data.h>

#include <stdlib.h>

#include "data.h"
#include "status.h"

clade_status data_check_counts(int train_count, int test_count)
{
    if (train_count >= 0 && test_count >= 0)
        return CLADE_OK;
    return clade_fail(CLADE_EUSAGE,
                      "%d images to train and %d to test: 0 is the least",
                      train_count, test_count);
}

void clade_data_free(struct clade_data *data)
{
    if (!data)
        return;
    free(data->train.images);
    free(data->train.labels);
    free(data->test.images);
    free(data->test.labels);
    *data = (struct clade_data){ 0 };
}
