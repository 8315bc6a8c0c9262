/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <clade/net.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "profile.h"
#include "ranks.h"
#include "rng.h"
#include "status.h"
#include "timeline.h"
#include "tool.h"

#define SLOWER_THAN 0.9 /* of the compared file's rate: below is slower */

#define AT(member) offsetof(struct bench_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "device", TOOL_TEXT, AT(device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "mode", TOOL_CHOICE, AT(mode), "train|infer|ops",
      "training steps, forward passes alone, or single ops by each algorithm", 0, 0 },
    { "batch", TOOL_INT, AT(batch), "B", "images a step", 1, 65536 },
    { "accumulate", TOOL_INT, AT(accumulate), "S",
      "train in S shares; under mpirun, all ranks' shares together", 1, 65536 },
    { "shares", TOOL_TEXT, AT(shares), "N,N...",
      "the images of each share; under mpirun they go round the ranks", 0, 0 },
    { "steps", TOOL_INT, AT(steps), "N",
      "steps to measure, after two that warm up", 1, 100000 },
    { "algorithm", TOOL_TEXT, AT(algorithm), "NAME",
      "for the products that it can run (OpenCL: clblast, direct, implicit, winograd); without it, chosen per shape", 0, 0 },
    { "without", TOOL_TEXT, AT(without), "NAMES",
      "leave out these rewrites of the plan, comma-separated", 0, 0 },
    { "case", TOOL_TEXT, AT(match), "NAME",
      "of --mode ops: only cases with this in their name", 0, 0 },
    { "json", TOOL_FLAG, AT(json), NULL,
      "print one JSON object; times in seconds, memory in bytes", 0, 0 },
    { "profile", TOOL_FLAG, AT(profile), NULL,
      "then run N more steps op by op, and print where their time goes", 0, 0 },
    { "trace", TOOL_TEXT, AT(trace), "FILE",
      "then run N more steps op by op, and write when each was done, for chrome://tracing or Perfetto", 0, 0 },
    { "plan", TOOL_FLAG, AT(plan), NULL,
      "print the ops after each pass that makes the plan, and run nothing", 0, 0 },
    { "compare", TOOL_TEXT, AT(compare), "FILE",
      "exit 7 if slower than 0.9 times what --json once wrote into FILE", 0, 0 },
    TOOL_NO_SELF_TEST(AT(no_self_test)),
};
/* clang-format on */

static const struct bench_options defaults = { .mode = "train",
                                               .batch = 32,
                                               .steps = 6 };

static bool training(const struct bench_options *o)
{
    return !strcmp(o->mode, "train");
}

static bool in_shares(const struct bench_options *o, const struct dist *dist)
{
    return dist->size > 1 || o->accumulate || o->shares;
}

static struct clade_net_config config_of(const struct bench_options *o)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.algorithm = o->algorithm;
    config.without = o->without;
    *(strcmp(o->mode, "infer") ? &config.train_batch : &config.eval_batch) =
        o->batch;
    return config;
}

/* Images of uniform noise; the labels go through the classes in turn. */
static clade_status make_batch(struct bench *b)
{
    const struct clade_net_shape shape = clade_net_shape(b->net);
    const uint32_t stream = rng_stream("image", "bench");
    const size_t n = (size_t)b->o->batch;
    const size_t bytes =
        n * (size_t)shape.source_h * (size_t)shape.source_w * (size_t)shape.c;

    b->bytes = malloc(bytes);
    b->labels = malloc(n);
    b->seconds = calloc((size_t)b->o->steps, sizeof *b->seconds);
    if (!b->bytes || !b->labels || !b->seconds)
        return clade_fail(CLADE_ENOMEM, "bench: out of memory");
    for (size_t i = 0; i < bytes; i++)
        b->bytes[i] = (uint8_t)(256 * rng_uniform(1, 0, stream, i));
    for (size_t i = 0; i < n; i++)
        b->labels[i] = (uint8_t)(i % (size_t)shape.classes);
    b->batch = (struct clade_batch){ .n = b->o->batch,
                                     .bytes = b->bytes,
                                     .labels = b->labels };
    return CLADE_OK;
}

static clade_status bench_open(struct bench *b)
{
    const struct tool_plans plans = { .config[0] = config_of(b->o),
                                      .count = !b->o->no_self_test };
    clade_status st;

    if ((st = ranks_open(&b->be, b->o->device, &plans, b->dist)))
        return st;
    st = b->together ? bench_shares_open(b, &plans.config[0])
                     : clade_net_new(&b->net, b->be, &plans.config[0]);
    tool_notices(b->be);
    return st ? st : make_batch(b);
}

static void bench_close(struct bench *b)
{
    free(b->seconds);
    free(b->labels);
    free(b->bytes);
    bench_shares_close(b);
    clade_net_free(b->net);
    if (b->be)
        clade_backend_close(b->be);
}

/* Do one step, and wait for its losses. */
static clade_status one_step(struct bench *b,
                             const struct net_observer *observer)
{
    struct clade_result result;

    if (b->together)
        return bench_shares_step(b);
    if (tool_stop(NULL))
        return clade_fail(CLADE_EINTERRUPTED, "interrupted");
    if (training(b->o))
        return net_train(b->net, &b->batch, b->step++, BENCH_RATE, &result,
                         observer);
    return net_eval(b->net, &b->batch, &result, observer);
}

static clade_status measure(struct bench *b)
{
    clade_status st;

    for (int i = 0; i < BENCH_WARM_UP + b->o->steps; i++) {
        const double began = tool_uptime();

        if (i == BENCH_WARM_UP)
            memset(b->group.seconds, 0, sizeof b->group.seconds);
        if ((st = one_step(b, NULL)))
            return st;
        if (i == 0)
            b->first_step = tool_uptime();
        if (i >= BENCH_WARM_UP)
            b->seconds[i - BENCH_WARM_UP] = tool_uptime() - began;
    }
    return b->together ? bench_shares_alone(b) : CLADE_OK;
}

/* The first members of the object that --json prints: what is measured.  NULL
 * if there is no memory. */
static json_t *describe(const struct bench *b)
{
    const struct clade_device *device = clade_backend_device(b->be);

    char *shares = b->together ? shares_text(&b->shares) : NULL;
    json_t *object =
        json_pack("{s:o, s:s, s:s, s:i, s:s*}", "device",
                  json_sprintf("%s / %s", device->platform, device->name),
                  "driver", device->driver, "mode", b->o->mode, "batch",
                  b->o->batch, "shares", shares);

    free(shares);
    return object;
}

/* Add the results to the object. */
static void add_figures(json_t *object, const struct bench *b)
{
    json_t *seconds = json_array();
    json_t *figures;

    for (int i = 0; i < b->o->steps; i++)
        json_array_append_new(seconds, json_real(b->seconds[i]));
    figures = json_pack("{s:f, s:o, s:f, s:I, s:I}", "images_per_second",
                        b->o->batch / bench_median(b->seconds, b->o->steps),
                        "seconds_per_step", seconds, "first_step_seconds",
                        b->first_step, "peak_memory_bytes",
                        (json_int_t)bench_peak_memory(), "device_bytes",
                        (json_int_t)clade_backend_memory(b->be));
    json_object_update(object, figures);
    json_decref(figures);
}

static void print_text(json_t *o)
{
    static const char *const texts[] = { "device", "driver", "mode" };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        printf("%-18s  %s\n", texts[i],
               json_string_value(json_object_get(o, texts[i])));
    printf("%-18s  %lld\n", "batch",
           (long long)json_integer_value(json_object_get(o, "batch")));
    printf("%-18s  %.2f\n", "images per second",
           json_real_value(json_object_get(o, "images_per_second")));
    printf("%-18s  %.2f s after the start\n", "first step",
           json_real_value(json_object_get(o, "first_step_seconds")));
    printf("%-18s  %s\n", "peak memory",
           tool_bytes((uint64_t)json_integer_value(
               json_object_get(o, "peak_memory_bytes"))));
    printf("%-18s  %s\n", "device memory",
           tool_bytes((uint64_t)json_integer_value(
               json_object_get(o, "device_bytes"))));
}

static clade_status read_object(json_t **object, const char *path)
{
    json_error_t error;
    char *text;
    size_t n;
    clade_status st = file_read_pipe(&text, &n, path);

    if (st)
        return st;
    *object = json_loadb(text, n, 0, &error);
    free(text);
    return *object ? CLADE_OK
                   : clade_fail(CLADE_EDATA, "%s: line %d: %s", path,
                                error.line, error.text);
}

/* Whether two values are equal, or both absent. */
static bool are_same(const json_t *a, const json_t *b)
{
    return (!a && !b) || json_equal(a, b);
}

/* Read the object that an earlier run printed.  It must be for the same device,
 * mode, batch and shares. */
static clade_status read_then(json_t **then, const char *path, json_t *now)
{
    static const char *const same[] = { "device", "mode", "batch", "shares" };
    json_t *object;
    clade_status st = read_object(&object, path);

    if (st)
        return st;
    for (size_t i = 0; i < COUNT_OF(same) && !st; i++)
        if (!are_same(json_object_get(object, same[i]),
                      json_object_get(now, same[i])))
            st = clade_fail(CLADE_EDATA, "%s: is of another %s", path, same[i]);
    if (!st && !json_is_real(json_object_get(object, "images_per_second")))
        st = clade_fail(CLADE_EDATA, "%s: has no images_per_second", path);
    if (st)
        json_decref(object);
    else
        *then = object;
    return st;
}

static clade_status compare(const char *path, json_t *then, json_t *now)
{
    const double was =
        json_real_value(json_object_get(then, "images_per_second"));
    const double is =
        json_real_value(json_object_get(now, "images_per_second"));

    if (is < SLOWER_THAN * was)
        return clade_fail(CLADE_ESLOWER,
                          "%.2f images per second, where %s has %.2f", is, path,
                          was);
    return CLADE_OK;
}

static clade_status run_profile(struct bench *b, json_t *object)
{
    struct profile profile = { 0 };
    const struct net_observer observer = profile_observer(&profile);
    clade_status st = CLADE_OK;

    for (int i = 0; i < b->o->steps && !st; i++)
        st = one_step(b, &observer);
    if (!st && b->o->json)
        json_object_set_new(object, "profile",
                            profile_json(&profile, b->o->steps));
    else if (!st)
        profile_print(&profile, b->o->steps);
    profile_free(&profile);
    return st;
}

static clade_status run_trace(struct bench *b)
{
    struct timeline t = { .be = b->be };
    const struct net_observer observer = timeline_observer(&t);
    json_t *about = describe(b);
    clade_status st = CLADE_OK;

    for (int i = 0; i < b->o->steps && !st; i++) {
        if ((st = timeline_begin(&t)))
            break;
        st = one_step(b, &observer);
        timeline_end(&t);
    }
    if (!st)
        st = timeline_write(&t, b->o->trace, about);
    json_decref(about);
    timeline_free(&t);
    return st;
}

static clade_status measure_and_print(struct bench *b, json_t *object)
{
    clade_status st = measure(b);

    if (st)
        return st;
    add_figures(object, b);
    if (b->together && ((st = bench_shares_add(object, b)) || b->dist->rank))
        return st;
    if (!b->o->json)
        print_text(object);
    if (!b->o->json && b->together)
        bench_shares_print(object);
    if (b->o->profile && (st = run_profile(b, object)))
        return st;
    if (b->o->trace && (st = run_trace(b)))
        return st;
    return b->o->json ? tool_print_json(json_incref(object)) : CLADE_OK;
}

/* --mode train or infer. */
static clade_status bench_steps(const struct bench_options *o,
                                const struct dist *dist)
{
    struct bench b = { .o = o, .dist = dist, .together = in_shares(o, dist) };
    json_t *now = NULL, *then = NULL;
    clade_status st;

    if (o->trace && (st = file_probe(o->trace)))
        return st;
    if ((st = bench_open(&b)))
        goto out;
    if (!(now = describe(&b))) {
        st = clade_fail(CLADE_ENOMEM, "bench: out of memory");
        goto out;
    }
    if (b.o->compare && !dist->rank &&
        (st = read_then(&then, b.o->compare, now)))
        goto out;
    if (!(st = measure_and_print(&b, now)) && then)
        st = compare(b.o->compare, then, now);
out:
    json_decref(then);
    json_decref(now);
    bench_close(&b);
    return st;
}

/* Refuse what does not go together. */
static clade_status check(const struct bench_options *o,
                          const struct dist *dist)
{
    const bool alone = o->plan || o->profile || o->trace;

    if (!in_shares(o, dist) || (training(o) && !alone))
        return CLADE_OK;
    if (dist->size > 1)
        return clade_fail(CLADE_EUSAGE,
                          "bench: several processes run --mode train, without "
                          "--plan, --profile and --trace; here are %d",
                          dist->size);
    return clade_fail(CLADE_EUSAGE,
                      "bench: --accumulate and --shares are of --mode train, "
                      "without --plan, --profile and --trace");
}

static clade_status bench(const void *given, const struct dist *dist)
{
    const struct bench_options *o = given;
    struct clade_net_config config = config_of(o);
    const clade_status st = check(o, dist);

    if (st)
        return st;
    if (!strcmp(o->mode, "ops"))
        return bench_ops(o, &config);
    return o->plan ? bench_plan(o, &config) : bench_steps(o, dist);
}

static clade_status bench_ranks(const void *given)
{
    return ranks_run(bench, given);
}

const struct tool_command cmd_bench = {
    .name = "bench",
    .summary = "Measure images per second, memory and where the time goes",
    .text =
        "Runs a net on made images. A step ends with its losses on the host; "
        "the\n"
        "rate is the batch over the median of the measured steps' times.\n\n"
        "With --mode ops, each op of GoogLeNet at the batch runs alone, on "
        "the\n"
        "cases that `clade verify` judges: its time, the rate of its products\n"
        "and sums (a direct convolution's, whatever the algorithm), and the "
        "bytes\n"
        "that it must read and write over the time. On OpenCL, the peaks of "
        "the\n"
        "device are measured first, and an op's share is of the peak that it "
        "comes\n"
        "nearer to: flops or bytes. It can pass 100% where tensors lie in a "
        "cache.\n\n"
        "Under mpirun, or in shares, it also says how fast the ranks are "
        "alone, and how\n"
        "long each takes for the phases of a step. The ranks of a host are "
        "measured alone\n"
        "one after the other.\n\n"
        "With --trace, the file has a row for the steps with their phases and "
        "layers,\n"
        "one for the ops with shapes, algorithm and FLOPs, and one for the "
        "host: it\n"
        "queues an op, or waits for it.\n\n"
        "With --plan, nothing runs. Each op is a line: number, phase, layer, "
        "op "
        "and\n"
        "shapes, algorithm, depth, bytes of workspace and elements of packed "
        "filter,\n"
        "and for each tensor ROLE=BLOCK[FIRST-LAST]@ARENA+BYTE: the block that "
        "it\n"
        "lies in, the first and the last op that touch the block, and its "
        "place.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .ranks = true,
    .run = bench_ranks,
};
