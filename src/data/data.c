/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/data.h>

#include <stdlib.h>

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
