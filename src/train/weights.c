/* SPDX-License-Identifier: Apache-2.0 */
/* Weights alone, for other programs. */
#include "train.h"

#include "safetensors.h"
#include "train/tensors.h"

/* What a checkpoint says that is of use to whoever has its weights alone. */
static const char *const kept[] = { "net",  "epoch",   "seed",
                                    "data", "classes", "image" };

struct writing {
    clade_checkpoint *checkpoint;
    const struct tensors *tensors;
};

static clade_status values(void *arg, int i, float *to)
{
    const struct writing *w = arg;

    return checkpoint_tensor(w->checkpoint, to, w->tensors->list[i].name);
}

clade_status checkpoint_write_weights(const char *path,
                                      clade_checkpoint *checkpoint)
{
    json_t *metadata = json_object();
    struct tensors t;
    struct writing w = { checkpoint, &t };
    clade_status st = tensors_new(&t, checkpoint_graph(checkpoint), false);

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *text = checkpoint_text(checkpoint, kept[i]);

        if (text)
            json_object_set_new(metadata, kept[i], json_string(text));
    }
    if (!st)
        st = safetensors_write(path, metadata, t.list, t.count, values, &w);
    tensors_free(&t);
    json_decref(metadata);
    return st;
}
