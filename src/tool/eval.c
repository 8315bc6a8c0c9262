/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <clade/train.h>
#include <string.h>

#include "status.h"

struct eval_options {
    const char *checkpoint, *device, *data;
    int test_count, batch;
    bool json, no_self_test;
};

#define AT(member) offsetof(struct eval_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "checkpoint", TOOL_TEXT, AT(checkpoint), "FILE",
      "the checkpoint to measure: DIR/checkpoint.safetensors of `clade train`, or "
      "weights alone as safetensors", 0, 0 },
    { "device", TOOL_TEXT, AT(device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "data", TOOL_TEXT, AT(data), "PATH",
      "CIFAR-10, binary version: its folder or its archive (clade fetch "
      "cifar10); without it, built-in images", 0, 0 },
    { "test-count", TOOL_INT, AT(test_count), "N",
      "test with the first N images; 0: as many as the training did", 0, 10000000 },
    { "batch", TOOL_INT, AT(batch), "B", "images at a time; 0: as many as in the training's steps", 0, 65536 },
    { "json", TOOL_FLAG, AT(json), NULL, "print one JSON object", 0, 0 },
    TOOL_NO_SELF_TEST(AT(no_self_test)),
};
/* clang-format on */

static const struct eval_options defaults;

static clade_status read_images(struct clade_data *data,
                                const struct eval_options *o,
                                const struct clade_checkpoint_info *info,
                                int count)
{
    if (o->data)
        return clade_data_cifar10(data, o->data, 0, count);
    if (info->weights && strcmp(info->data, "builtin"))
        return clade_fail(CLADE_EUSAGE,
                          "%s: holds weights alone, which do not say for what "
                          "images they are: --data DIR is required",
                          o->checkpoint);
    if (strcmp(info->data, "builtin"))
        return clade_fail(CLADE_EUSAGE,
                          "%s: was trained on images from a folder (%s): "
                          "--data PATH is required",
                          o->checkpoint, info->data);
    return clade_data_builtin(data, 0, count, info->seed);
}

static clade_status print_json(const struct eval_options *o,
                               const struct clade_checkpoint_info *info,
                               const struct clade_data *data,
                               const struct clade_net_shape *shape,
                               const struct clade_figures *f)
{
    json_t *all = json_pack("{s:s, s:s, s:i, s:s, s:i}", "checkpoint",
                            o->checkpoint, "net", info->net, "epochs",
                            info->epoch, "data", data->source, "images",
                            f->images);
    json_t *figures = tool_figures_json(shape, f);

    json_object_update(all, figures);
    json_decref(figures);
    return tool_print_json(all);
}

static void print_figures(const struct clade_net_shape *shape,
                          const struct clade_figures *f)
{
    printf("%-12s %8s %8s\n", "head", "loss", "accuracy");
    for (int i = 0; i < shape->heads; i++)
        printf("%-12s %8.4f %8.4f\n", shape->head[i], f->head_loss[i],
               f->accuracy[i]);
    printf("%-12s %8.4f\n", "weighted sum", f->loss);
}

/* The net that evaluates `count` images. */
static struct clade_net_config net_config(const struct eval_options *o,
                                          const struct clade_checkpoint_info *i,
                                          int count)
{
    const int batch = o->batch ? o->batch : i->batch;
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.net = i->net;
    config.eval_batch = batch < count ? batch : count;
    config.eval_last = count % config.eval_batch;
    return config;
}

/* Print the checkpoint's loss and accuracy on the test images. */
static clade_status evaluate(clade_backend *be, const struct eval_options *o,
                             clade_checkpoint *checkpoint,
                             const struct clade_data *data,
                             const struct clade_net_config *config)
{
    static const struct clade_train_observer observer = { .stop = tool_stop };
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(checkpoint);
    struct clade_net_shape shape;
    struct clade_figures figures;
    clade_net *net;
    clade_status st;

    if ((st = tool_load(&net, be, config, checkpoint)))
        return st;
    st = clade_train_evaluate(&figures, net, &data->test, config->eval_batch,
                              &observer);
    if (st)
        goto out;
    shape = clade_net_shape(net);
    if (o->json) {
        st = print_json(o, info, data, &shape, &figures);
        goto out;
    }
    printf("%s ", info->net);
    if (info->epoch)
        printf("after %d epochs, ", info->epoch);
    printf("%d test images (%s)\n", data->test.count, data->source);
    print_figures(&shape, &figures);
out:
    clade_net_free(net);
    return st;
}

static clade_status eval_checkpoint(const void *given)
{
    const struct eval_options *o = given;
    const struct clade_checkpoint_info *info;
    struct tool_plans plans = { .count = !o->no_self_test };
    clade_checkpoint *checkpoint;
    struct clade_data data = { 0 };
    clade_backend *be = NULL;
    clade_status st;
    int count;

    if (!o->checkpoint)
        return clade_fail(CLADE_EUSAGE, "eval: --checkpoint FILE is required");
    tool_catch_signals();
    if ((st = clade_checkpoint_open(&checkpoint, o->checkpoint)))
        return st;
    info = clade_checkpoint_info(checkpoint);
    count = o->test_count ? o->test_count : info->test_count;
    plans.config[0] = net_config(o, info, count);
    st = read_images(&data, o, info, count);
    if (!st)
        st = tool_open_tested(&be, o->device, &plans);
    if (!st)
        st = evaluate(be, o, checkpoint, &data, &plans.config[0]);
    clade_backend_close(be);
    clade_data_free(&data);
    clade_checkpoint_close(checkpoint);
    return st;
}

const struct tool_command cmd_eval = {
    .name = "eval",
    .summary = "Measure loss and accuracy of a checkpoint on test images",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = eval_checkpoint,
};
