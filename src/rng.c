/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <string.h>

/* One round: two products of 32 by 32 bits, whose words are swapped and mixed
 * with the keys. */
static void philox_round(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    const uint64_t p0 = (uint64_t)0xD2511F53 * c[0];
    const uint64_t p1 = (uint64_t)0xCD9E8D57 * c[2];
    const uint32_t c1 = c[1], c3 = c[3];

    c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c[3] = (uint32_t)p0;
}

void rng_philox(uint32_t out[4], const uint32_t ctr[4], uint64_t key)
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);

    for (int i = 0; i < 4; i++)
        out[i] = ctr[i];
    for (int i = 0; i < 10; i++) {
        philox_round(out, k0, k1);
        k0 += 0x9E3779B9; /* a Weyl sequence: (sqrt(5) - 1)/2 * 2^32 */
        k1 += 0xBB67AE85; /* another: (sqrt(3) - 1) * 2^32 */
    }
}

static uint32_t fnv32(uint32_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x01000193u;
    return h;
}

uint32_t rng_stream(const char *purpose, const char *layer)
{
    return fnv32(fnv32(fnv32(0x811C9DC5u, purpose), "/"), layer);
}

/* Word i of the sequence that (key, step, stream) selects. */
static uint32_t word(uint64_t key, uint32_t step, uint32_t stream, uint64_t i)
{
    const uint64_t at = i / 4;
    const uint32_t ctr[4] = { (uint32_t)at, (uint32_t)(at >> 32), step,
                              stream };
    uint32_t out[4];

    rng_philox(out, ctr, key);
    return out[i % 4];
}

float rng_uniform(uint64_t seed, uint32_t step, uint32_t stream, uint64_t i)
{
    return (float)(word(seed, step, stream, i) >> 8) * 0x1p-24f;
}

/*
 * Draw from 0 ... n-1, each equally likely.  The result is the high half of
 * word * n.  A draw is thrown away if the low half is below 2^32 mod n, because
 * some results would be too frequent otherwise (Lemire, "Fast random integer
 * generation in an interval", 2019).
 */
static uint32_t below(uint32_t n, uint64_t seed, uint32_t step, uint32_t stream,
                      uint64_t *i)
{
    const uint32_t excess = -n % n;
    uint64_t product;

    do
        product = (uint64_t)word(seed, step, stream, (*i)++) * n;
    while ((uint32_t)product < excess);
    return (uint32_t)(product >> 32);
}

void rng_shuffle(uint32_t *order, uint32_t n, uint64_t seed, uint32_t step,
                 uint32_t stream)
{
    uint64_t drawn = 0;

    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        const uint32_t j = below(i, seed, step, stream, &drawn);
        const uint32_t last = order[i - 1];

        order[i - 1] = order[j];
        order[j] = last;
    }
}

uint64_t rng_fnv64(const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    uint64_t h = 0xCBF29CE484222325;

    for (size_t i = 0; i < n; i++)
        h = (h ^ at[i]) * 0x100000001B3;
    return h;
}

float rng_record(const char *name, uint64_t seed, uint64_t i)
{
    const uint64_t golden = 0x9E3779B97F4A7C15;
    uint64_t z = rng_fnv64(name, strlen(name)) ^ (seed * golden);

    z += (i + 1) * golden;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9; /* the finaliser of SplitMix64 */
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    z ^= z >> 31;
    return (float)(z >> 40) * 0x1p-24f;
}
