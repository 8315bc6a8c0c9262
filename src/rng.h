/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNG_H
#define RNG_H

#include <stddef.h>
#include <stdint.h>

/*
 * Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC11): four random words from a counter and a key of 64
 * bits (its low word comes first).
 */
void rng_philox(uint32_t out[4], const uint32_t ctr[4], uint64_t key);

/* The stream of random numbers for one use: FNV-1a-32 of "purpose/layer".  It
 * is the fourth word of Philox' counter. */
uint32_t rng_stream(const char *purpose, const char *layer);

/* Number i of a stream, uniform in [0, 1) and exact in float: (word >> 8) *
 * 2^-24, with word (i mod 4) of counter (i/4, step, stream). */
float rng_uniform(uint64_t seed, uint32_t step, uint32_t stream, uint64_t i);

/* Set order[0..n-1] to a permutation of 0..n-1 (Fisher-Yates); all are equally
 * likely. */
void rng_shuffle(uint32_t *order, uint32_t n, uint64_t seed, uint32_t step,
                 uint32_t stream);

/* FNV-1a-64 (http://www.isthe.com/chongo/tech/comp/fnv/). */
uint64_t rng_fnv64(const void *bytes, size_t n);

/* uniform(name, seed, i) of the record format; see doc/record-format.md. */
float rng_record(const char *name, uint64_t seed, uint64_t i);

#endif
