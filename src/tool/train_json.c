/* SPDX-License-Identifier: Apache-2.0 */
/* What `clade train --json` prints. */
#include "progress.h"
#include "tool.h"
#include "train/train.h"

static json_t *epoch_json(const struct progress *p,
                          const struct clade_train_epoch *row)
{
    return json_pack("{s:i, s:o, s:o}", "epoch", row->epoch + 1, "train",
                     tool_figures_json(&p->shape, &row->train), "validation",
                     row->validated ? tool_figures_json(&p->shape, &row->test)
                                    : json_null());
}

static json_t *best_json(const struct best *best)
{
    return best->any ? json_pack("{s:i, s:o, s:o}", "epoch", best->epoch + 1,
                                 "accuracy", tool_real_json(best->accuracy),
                                 "loss", tool_real_json(best->loss))
                     : json_null();
}

clade_status progress_json(const struct progress *p, const char *folder)
{
    struct best best = { .any = false };
    json_t *epochs = json_array();

    for (int i = 0; i < p->n_rows; i++) {
        json_array_append_new(epochs, epoch_json(p, &p->rows[i]));
        best_update(&best, &p->rows[i]);
    }
    return tool_print_json(json_pack("{s:s, s:o, s:o}", "out", folder, "epochs",
                                     epochs, "best", best_json(&best)));
}
