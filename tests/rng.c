/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All devices must draw the same random numbers, and all programs must compute
 * the same hash for the record format.  The expected values are published ones,
 * or come from other implementations.
 */
#include <string.h>

#include "rng.h"
#include "tap.h"

/* Random123's kat_vectors, philox4x32-10: counter, key, result. */
static const struct {
    const char *why;
    uint32_t counter[4];
    uint64_t key;
    uint32_t wanted[4];
} vectors[] = {
    { "all bits clear",
      { 0, 0, 0, 0 },
      0,
      { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { "all bits set",
      { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
      0xffffffffffffffff,
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { "digits of pi, which show the order of the key's words",
      { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
      0x299f31d0a4093822,
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};
enum { N_VECTORS = sizeof(vectors) / sizeof(*vectors) };

static void test_philox(void)
{
    for (int i = 0; i < N_VECTORS; i++) {
        uint32_t got[4];

        rng_philox(got, vectors[i].counter, vectors[i].key);
        tap_ok(!memcmp(got, vectors[i].wanted, sizeof(got)),
               "Philox4x32-10, %s: %08x %08x %08x %08x", vectors[i].why,
               (unsigned)got[0], (unsigned)got[1], (unsigned)got[2],
               (unsigned)got[3]);
    }
}

/* The expected values come from an implementation in another language. */
static void test_uses(void)
{
    const uint32_t stream = rng_stream("dropout", "aux1/dropout");
    const float small = rng_uniform(1, 2, stream, 7) * 0x1p24f;
    const float large =
        rng_uniform(0x123456789abcdef0, 3, stream, (UINT64_C(5) << 34) + 2) *
        0x1p24f;

    tap_ok(rng_stream("foo", "bar") == 0xc7a71bed,
           "a stream is FNV-1a-32 of \"foo/bar\"");
    tap_ok(stream == 0x9c019d88,
           "the stream of a layer with a slash in its name: %08x",
           (unsigned)stream);
    tap_ok(small == 6797336, "uniform: word 3 of counter 1: %.0f", small);
    tap_ok(large == 12160806, "uniform: an index above 2^32: %.0f", large);
}

static void test_fnv(void)
{
    /* from the authors' own test vectors */
    tap_ok(rng_fnv64("", 0) == 0xcbf29ce484222325, "FNV-1a-64 of nothing");
    tap_ok(rng_fnv64("a", 1) == 0xaf63dc4c8601ec8c, "FNV-1a-64 of \"a\"");
    tap_ok(rng_fnv64("foobar", 6) == 0x85944171f73967e8,
           "FNV-1a-64 of \"foobar\"");
}

static void test_record(void)
{
    static const struct {
        const char *name;
        uint64_t seed, i;
        float wanted; /* in units of 2^-24 */
    } values[] = {
        { "conv1/kernel", 1, 0, 6316638 },
        { "conv1/kernel", 1, 1, 16531419 },
        { "conv1/kernel", 1, 9407, 16445948 },
        { "input", 2, 301055, 9939651 },
    };

    for (int i = 0; i < 4; i++) {
        const float got =
            rng_record(values[i].name, values[i].seed, values[i].i) * 0x1p24f;

        tap_ok(got == values[i].wanted,
               "record format: uniform(%s, %d, %d): got %.0f, want %.0f",
               values[i].name, (int)values[i].seed, (int)values[i].i, got,
               values[i].wanted);
    }
}

/* Does each of the six orders of three numbers come 1,000 times in 6,000 steps,
 * within 5 standard deviations (of 29)? */
static bool orders_are_even(void)
{
    int seen[27] = { 0 };
    bool even = true;

    for (uint32_t step = 0; step < 6000; step++) {
        uint32_t o[3];

        rng_shuffle(o, 3, 1, step, 0);
        seen[o[0] * 9 + o[1] * 3 + o[2]]++;
    }
    for (int i = 0; i < 27; i++)
        even &= seen[i] == 0 || (seen[i] > 855 && seen[i] < 1145);
    return even;
}

static void test_shuffle(void)
{
    static const uint32_t wanted[10] = { 8, 4, 6, 0, 3, 9, 1, 7, 5, 2 };
    static uint32_t order[2500], again[2500];
    static bool seen[2500];
    const uint32_t stream = rng_stream("shuffle", "train");
    int distinct = 0;

    rng_shuffle(order, 10, 1, 0, stream);
    tap_ok(!memcmp(order, wanted, sizeof(wanted)),
           "shuffle: ten numbers in the order of another implementation");
    rng_shuffle(order, 2500, 1, 3, stream);
    for (int i = 0; i < 2500; i++) {
        distinct += order[i] < 2500 && !seen[order[i]];
        if (order[i] < 2500)
            seen[order[i]] = true;
    }
    tap_ok(distinct == 2500, "shuffle: a permutation, %d distinct", distinct);
    rng_shuffle(again, 2500, 1, 3, stream);
    tap_ok(!memcmp(order, again, sizeof(order)), "shuffle: repeats");
    rng_shuffle(again, 2500, 1, 4, stream);
    tap_ok(memcmp(order, again, sizeof(order)),
           "shuffle: another epoch, another order");
    tap_ok(orders_are_even(), "shuffle: all orders are equally likely");
}

int main(void)
{
    tap_plan(N_VECTORS + 16);
    test_philox();
    test_uses();
    test_fnv();
    test_record();
    test_shuffle();
    return tap_done();
}
