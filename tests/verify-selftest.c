/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test: what it tries, what it keeps, and what follows.  The device is
 * the reference, made to look like a backend that compiles, has two algorithms
 * for each product, and goes wrong.
 */
#include <clade/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulty.h"
#include "op/op.h"
#include "tap.h"
#include "verify/selftest.h"

static const char *const algorithms[] = { "first", "second", "third", NULL };
static bool has_third; /* but for windows of 3x3 alone */

/* What the device does wrong. */
static struct {
    enum clade_op_kind kind;
    const char *algorithm; /* NULL: all */
    int is_wrong;
} wrong;

static int release;        /* of the programs of pools */
static const char *driver; /* part of every key */
static int n_kept, n_said;
static char said[256];
static struct {
    char *key, *text;
} kept[512];

/* ---- the backend --------------------------------------------------------- */

static int candidates(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    int n = op_is_product(op->kind) ? 2 : 1;

    (void)be;
    if (has_third && n == 2 && op->window.r == 3)
        n = 3;
    for (int i = 0; i < n && i < max; i++)
        list[i] = (struct backend_candidate){
            .choice = { .algorithm = algorithms[i] }, .cost = i
        };
    return n;
}

static clade_status uses(clade_backend *be, char **text,
                         const struct clade_op *op)
{
    const bool pool = strstr(clade_op_name(op->kind), "pool");

    (void)be;
    *text = malloc(128);
    if (!*text)
        tap_bail("no memory");
    snprintf(*text, 128, "%s, release %d\n", op->choice.algorithm,
             pool ? release : 0);
    return CLADE_OK;
}

static int find(const char *key)
{
    char full[2048];
    int i = 0;

    snprintf(full, sizeof full, "%s %s", driver, key);
    while (i < n_kept && strcmp(kept[i].key, full))
        i++;
    return i;
}

static char *recall(clade_backend *be, const char *key)
{
    const int i = find(key);

    (void)be;
    return i < n_kept ? strdup(kept[i].text) : NULL;
}

static void remember(clade_backend *be, const char *key, const char *text)
{
    const int i = find(key);
    char full[2048];

    (void)be;
    snprintf(full, sizeof full, "%s %s", driver, key);
    if (i == n_kept)
        kept[n_kept++].key = strdup(full);
    else
        free(kept[i].text);
    kept[i].text = strdup(text);
}

/* Spoil the last element of the first output. */
static void apply(const struct clade_op *op)
{
    const struct clade_tensor *t = output(op);

    if (wrong.is_wrong && op->kind == wrong.kind &&
        (!wrong.algorithm || !strcmp(op->choice.algorithm, wrong.algorithm)))
        *element(t, clade_tensor_elements(t) - 1) += 1;
}

static void say(void *arg, const char *text)
{
    (void)arg;
    n_said++;
    snprintf(said, sizeof said, "%s", text);
}

static void forget(void)
{
    for (int i = 0; i < n_kept; i++) {
        free(kept[i].key);
        free(kept[i].text);
    }
    n_kept = 0;
}

static clade_backend *open_device(void)
{
    clade_backend *be = faulty_open();

    faulty.algorithms = algorithms;
    faulty.candidates = candidates;
    faulty.uses = uses;
    faulty.recall = recall;
    faulty.remember = remember;
    faulty_apply = apply;
    clade_backend_progress(be, say, NULL);
    n_said = faulty_runs = 0;
    return be;
}

/* ---- the tests ----------------------------------------------------------- */

/* The result of one self-test, on a device that is opened for it. */
struct outcome {
    clade_status st;
    int runs, said, avoided;
    char message[1024], notices[1024];
};

static struct outcome test_with(const struct clade_net_config *config,
                                bool (*stop)(void *arg))
{
    clade_backend *be = open_device();
    struct outcome o = { .st = clade_verify_selftest(be, config, stop, NULL) };
    const char *text = clade_backend_notices(be);

    o.runs = faulty_runs;
    o.said = n_said;
    o.avoided = be->n_avoided;
    snprintf(o.message, sizeof o.message, "%s", o.st ? clade_error() : "");
    snprintf(o.notices, sizeof o.notices, "%s", text ? text : "");
    faulty_close(be);
    return o;
}

static struct outcome test(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.eval_batch = 1;
    return test_with(&config, NULL);
}

static void go_wrong(enum clade_op_kind kind, const char *algorithm)
{
    wrong.kind = kind;
    wrong.algorithm = algorithm;
    wrong.is_wrong = true;
}

/* The result of the last self-test, as it is kept. */
static const char *result(void)
{
    for (int i = 0; i < n_kept; i++)
        if (strstr(kept[i].key, " result of the self-test"))
            return kept[i].text;
    return "none";
}

static void test_right(void)
{
    const struct outcome first = test();
    const struct outcome second = test();
    struct outcome other;
    int pools;

    tap_ok(!first.st && first.runs > 40 && first.said && !first.avoided &&
               !first.notices[0],
           "a right device: %d runs, no notice %s", first.runs, first.message);
    tap_ok(!strncmp(said, "self-test: ", 11) && strstr(said, ": "),
           "progress is said: %s", said);
    tap_ok(!strncmp(result(), "passed 20", 9), "the result is kept: %s",
           result());
    tap_ok(!second.st && !second.runs && !second.said,
           "the second start tries nothing (%d runs)", second.runs);
    release++;
    other = test();
    pools = other.runs;
    tap_ok(!other.st && pools && pools < first.runs / 2,
           "programs that have changed are tried again, no others (%d runs)",
           pools);
    driver = "driver 2";
    other = test();
    tap_ok(!other.st && other.runs == first.runs,
           "with another driver all is tried again");
    driver = "driver 1";
}

/* A backward pass uses other programs than a forward pass does. */
static void test_training(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct selftest_uses forward, all;
    clade_backend *be = open_device();

    config.eval_batch = 1;
    if (selftest_uses_of(&forward, be, &config))
        tap_bail("%s", clade_error());
    config.train_batch = 1;
    if (selftest_uses_of(&all, be, &config))
        tap_bail("%s", clade_error());
    tap_ok(all.count > 2 * forward.count && !faulty_runs,
           "training has more uses: %d, where evaluation has %d", all.count,
           forward.count);
    selftest_uses_free(&forward);
    selftest_uses_free(&all);
    faulty_close(be);
}

static void test_wrong_op(void)
{
    struct outcome o;

    forget();
    go_wrong(CLADE_SOFTMAX_FWD, NULL);
    o = test();
    tap_ok(o.st == CLADE_EBOUND && strstr(o.message, "softmax_fwd") &&
               strstr(o.message, "y[0,0,0,9] is ") &&
               strstr(o.message, ", must be "),
           "a wrong softmax is refused: %s", o.message);
    tap_ok(!strncmp(result(), "failed 20", 9) &&
               strstr(result(), ": softmax_fwd"),
           "and that is kept: %s", result());
    o = test();
    tap_ok(o.st == CLADE_EBOUND && !o.runs &&
               strstr(o.message, "y[0,0,0,9] is "),
           "the second start refuses without a run: %s", o.message);
}

static void test_wrong_algorithm(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_backend *be;
    clade_net *net;
    struct outcome o;

    forget();
    go_wrong(CLADE_CONV_FWD, "first");
    be = open_device();
    config.eval_batch = 1;
    tap_ok(!clade_verify_selftest(be, &config, NULL, NULL) &&
               be->n_avoided == 1,
           "an algorithm is wrong, another one is right: that is enough");
    tap_ok(!clade_net_new(&net, be, &config) &&
               strstr(clade_net_algorithms(net), "second") &&
               !strstr(clade_net_algorithms(net), "first"),
           "the net has the other one");
    clade_net_free(net);
    faulty_close(be);
    o = test();
    tap_ok(!o.st && o.avoided == 1 && !o.runs &&
               strstr(o.notices, "first computes conv_fwd wrongly"),
           "the second start knows it: %s", o.notices);
    tap_ok(!strncmp(result(), "passed 20", 9) &&
               strstr(result(), ", but not conv_fwd by first"),
           "the result is kept: %s", result());
    config.algorithm = "first";
    o = test_with(&config, NULL);
    tap_ok(o.st == CLADE_EBOUND && strstr(o.message, "conv_fwd"),
           "asked for by name, it is refused: %s", o.message);
    forget();
    config.algorithm = "third";
    has_third = true;
    o = test_with(&config, NULL);
    has_third = false;
    tap_ok(!o.st && o.avoided == 1 &&
               strstr(o.notices, "first computes conv_fwd wrongly"),
           "where what was asked for cannot run, it is passed over: %s%s",
           o.message, o.notices);
    forget();
    go_wrong(CLADE_CONV_FWD, NULL);
    o = test();
    tap_ok(o.st == CLADE_EBOUND && strstr(o.message, "`second`"),
           "if both are wrong, the device is refused: %s", o.message);
}

/* What another process does beside it; returns how many ops it ran. */
static int assist(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_backend *be = open_device();
    int runs;

    forget();
    config.eval_batch = 1;
    if (selftest_assist(be, &config, NULL, NULL))
        tap_bail("%s", clade_error());
    runs = faulty_runs;
    faulty_close(be);
    return runs;
}

static void test_assist(void)
{
    struct outcome o;
    int runs;

    wrong.is_wrong = false;
    runs = assist();
    o = test();
    tap_ok(!o.st && runs > 40 && !o.runs && !strncmp(result(), "passed 20", 9),
           "what another process has tried (%d runs) is not tried again (%d)",
           runs, o.runs);
    go_wrong(CLADE_CONV_FWD, "first");
    assist();
    tap_ok(!strcmp(result(), "none"), "it keeps verdicts, but no result");
    wrong.is_wrong = false;
    o = test();
    tap_ok(!o.st && o.avoided == 1 &&
               strstr(o.notices, "first computes conv_fwd wrongly"),
           "what it has found wrong is passed over: %s", o.notices);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static void test_ends(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_backend *be;
    struct outcome o;

    forget();
    config.eval_batch = 1;
    o = test_with(&config, at_once);
    tap_ok(o.st == CLADE_EINTERRUPTED && !o.runs && !n_kept,
           "it can be interrupted, and keeps nothing then");
    if (clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    tap_ok(!clade_verify_selftest(be, &config, NULL, NULL),
           "the reference needs none");
    tap_ok(clade_verify_selftest(be, NULL, NULL, NULL) == CLADE_EUSAGE &&
               clade_verify_selftest(NULL, &config, NULL, NULL) == CLADE_EUSAGE,
           "a backend and a config are required");
    clade_backend_close(be);
}

int main(void)
{
    tap_plan(23);
    driver = "driver 1";
    test_right();
    test_training();
    test_wrong_op();
    test_wrong_algorithm();
    test_assist();
    test_ends();
    forget();
    return tap_done();
}
