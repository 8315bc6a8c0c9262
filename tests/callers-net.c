/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistakes with nets, trainings, data and judgements: each must be refused with
 * a message.  They are made on the reference, where a net is soon made.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include <clade/train.h>
#include <clade/verify.h>

#include "caller.h"
#include "tap.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(*(array))))

static clade_net *net;
static struct clade_data data;
static struct clade_result result;

/* ---- nets ---------------------------------------------------------------- */

static clade_status net_of(struct clade_net_config config)
{
    clade_net *made;
    const clade_status st = clade_net_new(&made, caller.be, &config);

    if (!st)
        clade_net_free(made);
    return st;
}

static clade_status no_config(void)
{
    clade_net *made;

    return clade_net_new(&made, caller.be, NULL);
}

static clade_status unnamed_net(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.net = NULL;
    return net_of(config);
}

static clade_status negative_batch(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.eval_batch = -1;
    return net_of(config);
}

static clade_status huge_batch(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.eval_batch = INT_MAX;
    return net_of(config);
}

static struct clade_batch batch(void)
{
    return (struct clade_batch){ .n = 1,
                                 .bytes = data.test.images,
                                 .labels = data.test.labels };
}

static clade_status eval(struct clade_batch b)
{
    return clade_net_eval(net, &b, &result);
}

static clade_status no_plan(void)
{
    struct clade_batch b = batch();

    b.n = 7;
    return eval(b);
}

static clade_status training_without_plan(void)
{
    const struct clade_batch b = batch();

    return clade_net_train(net, &b, 0, 0.1f, &result);
}

static clade_status no_labels(void)
{
    struct clade_batch b = batch();

    b.labels = NULL;
    return eval(b);
}

static clade_status no_images(void)
{
    struct clade_batch b = batch();

    b.bytes = NULL;
    return eval(b);
}

static clade_status two_sorts_of_images(void)
{
    static const float pixels[1];
    struct clade_batch b = batch();

    b.pixels = pixels;
    return eval(b);
}

static clade_status negative_first(void)
{
    struct clade_batch b = batch();

    b.first = -1;
    return eval(b);
}

static clade_status past_the_batch(void)
{
    struct clade_batch b = batch();

    b.first = INT_MAX;
    b.batch = 2;
    return eval(b);
}

static clade_status large_label(void)
{
    static const uint8_t label = 10;
    struct clade_batch b = batch();

    b.labels = &label;
    return eval(b);
}

static clade_status no_result(void)
{
    const struct clade_batch b = batch();

    return clade_net_eval(net, &b, NULL);
}

static const struct clade_parameter *parameters(void)
{
    const struct clade_parameter *list;

    clade_net_parameters(net, &list);
    return list;
}

static clade_status read_absent(void)
{
    float to[1];

    return clade_net_read(net, to, parameters()->momentum);
}

static clade_status read_past_the_end(void)
{
    struct clade_tensor t = parameters()->value;
    float to[1];

    t.n = t.h = t.w = 1;
    t.c = t.ld = INT_MAX;
    return clade_net_read(net, to, t);
}

static clade_status read_other_memory(void)
{
    float to[1];

    return clade_net_read(
        net, to, clade_tensor_at(caller.room[0], 0, 1, 1, 1, 1, caller.real));
}

static clade_status write_from_nowhere(void)
{
    return clade_net_write(net, parameters()->value, NULL);
}

/* clang-format off */
static const struct mistake nets[] = {
    { no_config, CLADE_EUSAGE, "config", "a net without a config" },
    { unnamed_net, CLADE_EUSAGE, "config->net", "a net without a name" },
    { negative_batch, CLADE_EUSAGE, "-1", "a net for -1 images" },
    { huge_batch, CLADE_ETOOSMALL, "2147483647 images", "a net for 2^31 - 1 images" },
    { no_plan, CLADE_EUSAGE, "no plan for evaluating 7 images", "a batch that the net has no plan for" },
    { training_without_plan, CLADE_EUSAGE, "no plan for training", "training a net that only evaluates" },
    { no_labels, CLADE_EUSAGE, "labels", "a batch without labels" },
    { no_images, CLADE_EUSAGE, "bytes or pixels", "a batch without images" },
    { two_sorts_of_images, CLADE_EUSAGE, "bytes or pixels", "a batch with images twice" },
    { negative_first, CLADE_EUSAGE, "from image -1 on", "a batch that begins before image 0" },
    { past_the_batch, CLADE_EUSAGE, "whole batch of 2", "a batch beyond the whole batch" },
    { large_label, CLADE_EDATA, "label of image 0 is 10", "a label that is no class" },
    { no_result, CLADE_EUSAGE, "result", "nowhere to keep a result" },
    { read_absent, CLADE_EUSAGE, "absent", "a momentum without training" },
    { read_past_the_end, CLADE_EUSAGE, "clade_net_parameters()", "a parameter that is too long" },
    { read_other_memory, CLADE_EUSAGE, "clade_net_parameters()", "what is no parameter" },
    { write_from_nowhere, CLADE_EUSAGE, "numbers", "a parameter from NULL" },
};
/* clang-format on */

/* ---- data and trainings -------------------------------------------------- */

static clade_status negative_count(void)
{
    struct clade_data made;

    return clade_data_builtin(&made, -5, 1, 1);
}

static clade_status negative_count_of_files(void)
{
    struct clade_data made;

    return clade_data_cifar10(&made, ".", 1, -1);
}

static clade_status no_folder(void)
{
    struct clade_data made;

    return clade_data_cifar10(&made, NULL, 1, 1);
}

static clade_status no_data(void)
{
    return clade_data_builtin(NULL, 1, 1, 1);
}

static clade_status train_nothing(void)
{
    return clade_train(caller.be, NULL, NULL);
}

static clade_status train_nowhere(void)
{
    struct clade_train_config config = CLADE_TRAIN_DEFAULTS;

    config.out = NULL;
    return clade_train(caller.be, &config, NULL);
}

static clade_status train_on_no_images(void)
{
    struct clade_train_config config = CLADE_TRAIN_DEFAULTS;

    config.train_count = -3;
    return clade_train(caller.be, &config, NULL);
}

static clade_status evaluate(struct clade_dataset images, int n)
{
    struct clade_figures figures;

    return clade_train_evaluate(&figures, net, &images, n, NULL);
}

static clade_status no_images_at_a_time(void)
{
    return evaluate(data.test, 0);
}

static clade_status no_images_at_all(void)
{
    struct clade_dataset images = data.test;

    images.count = 0;
    return evaluate(images, 1);
}

static clade_status small_images(void)
{
    struct clade_dataset images = data.test;

    images.h = 1;
    return evaluate(images, 1);
}

static clade_status no_checkpoint(void)
{
    clade_checkpoint *checkpoint;

    return clade_checkpoint_open(&checkpoint, NULL);
}

static clade_status load_nothing(void)
{
    return clade_checkpoint_load(NULL, net);
}

/* clang-format off */
static const struct mistake trainings[] = {
    { negative_count, CLADE_EUSAGE, "-5 images", "-5 built-in images" },
    { negative_count_of_files, CLADE_EUSAGE, "-1 to test", "-1 images of a folder" },
    { no_folder, CLADE_EUSAGE, "dir", "images of no folder" },
    { no_data, CLADE_EUSAGE, "data", "nowhere to keep images" },
    { train_nothing, CLADE_EUSAGE, "config", "a training without a config" },
    { train_nowhere, CLADE_EUSAGE, "config->out", "a training without a folder" },
    { train_on_no_images, CLADE_EUSAGE, "images", "a training on -3 images" },
    { no_images_at_a_time, CLADE_EUSAGE, "0 images at a time", "evaluating 0 images at a time" },
    { no_images_at_all, CLADE_EUSAGE, "there are 0", "evaluating no images" },
    { small_images, CLADE_ESHAPE, "these are 1 x 32", "evaluating images of another size" },
    { no_checkpoint, CLADE_EUSAGE, "path", "a checkpoint of no file" },
    { load_nothing, CLADE_EUSAGE, "checkpoint", "no checkpoint to load" },
};
/* clang-format on */

/* ---- judgements ---------------------------------------------------------- */

static struct clade_verify_summary summary;

static clade_status judge_without_options(void)
{
    return clade_verify_ops(&summary, caller.be, NULL);
}

static clade_status judge_no_file(void)
{
    static const struct clade_verify_ops options;

    return clade_verify_op(&summary, caller.be, NULL, &options);
}

static clade_status step_without_images(void)
{
    static const struct clade_verify_step options;

    return clade_verify_step(&summary, caller.be, &options);
}

static clade_status record_without_steps(void)
{
    const struct clade_record options = { .file = "callers-record",
                                          .batch = 1 };

    return clade_record_write(caller.be, &options);
}

static clade_status against_nothing(void)
{
    static const struct clade_against options;

    return clade_verify_against(caller.be, &options);
}

static clade_status train_without_options(void)
{
    return clade_verify_train(caller.be, NULL);
}

static clade_status negative_steps(void)
{
    static const struct clade_verify_train options = { .steps = -1 };

    return clade_verify_train(caller.be, &options);
}

static clade_status envelope_without_runs(void)
{
    static const struct clade_verify_train options;

    return clade_envelope_make(caller.be, "callers-envelope", 0, &options);
}

/* clang-format off */
static const struct mistake judgements[] = {
    { judge_without_options, CLADE_EUSAGE, "options", "ops without options" },
    { judge_no_file, CLADE_EUSAGE, "file", "an op of no file" },
    { step_without_images, CLADE_EUSAGE, "0 images", "a step of 0 images" },
    { record_without_steps, CLADE_EUSAGE, "0 steps", "a record of 0 steps" },
    { against_nothing, CLADE_EUSAGE, "file", "a comparison with no record" },
    { train_without_options, CLADE_EUSAGE, "options", "a training without options" },
    { negative_steps, CLADE_EUSAGE, "-1 steps", "a training of -1 steps" },
    { envelope_without_runs, CLADE_EUSAGE, "0 runs", "an envelope of 0 runs" },
};
/* clang-format on */

/* Functions without a status. */
static bool fails_softly(void)
{
    const struct clade_parameter *list;
    uint8_t *bytes, *labels;

    clade_net_staging(NULL, &bytes, &labels);
    clade_net_free(NULL);
    clade_data_free(NULL);
    clade_checkpoint_close(NULL);
    return !bytes && !labels && !clade_net_parameters(NULL, &list) && !list &&
           !clade_net_algorithms(NULL) && !clade_net_memory(NULL).total &&
           !clade_net_shape(NULL).heads && !clade_checkpoint_info(NULL);
}

int main(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.eval_batch = 1;
    caller.device = "cpu";
    caller_need(clade_backend_open(&caller.be, "cpu"));
    caller_need(clade_backend_alloc(caller.be, &caller.room[0], CALLER_ROOM,
                                    CLADE_MEMORY_DEVICE));
    caller.real = clade_backend_real(caller.be);
    caller_need(clade_data_builtin(&data, 0, 1, 1));
    caller_need(clade_net_new(&net, caller.be, &config));
    tap_plan(COUNT_OF(nets) + COUNT_OF(trainings) + COUNT_OF(judgements) + 2);
    caller_make(nets, COUNT_OF(nets));
    caller_make(trainings, COUNT_OF(trainings));
    caller_make(judgements, COUNT_OF(judgements));
    tap_ok(fails_softly(), "functions without a status fail softly");
    caller_need(eval(batch()));
    tap_ok(isfinite(result.loss), "after all that, a net computes a loss: %g",
           result.loss);
    clade_net_free(net);
    clade_data_free(&data);
    clade_backend_free(caller.be, caller.room[0]);
    clade_backend_close(caller.be);
    return tap_done();
}
