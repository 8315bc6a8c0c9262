/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNG_H
#define RNG_H

#include <stddef.h>
#include <stdint.h>

/*
 * Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC11): the four words of counter `ctr` under the 64-bit
 * `key` (low word first).
 */
void rng_philox(uint32_t out[4], const uint32_t ctr[4], uint64_t key);

/* The number of a use: FNV-1a-32 of "purpose/layer", Philox' fourth word. */
uint32_t rng_stream(const char *purpose, const char *layer);

/* (word >> 8) * 2^-24 of word (i mod 4) at counter (i/4, step, stream): in
 * [0, 1), exact in float. */
float rng_uniform(uint64_t seed, uint32_t step, uint32_t stream, uint64_t i);

/* order[0..n-1] = a permutation of 0..n-1 (Fisher-Yates), without bias. */
void rng_shuffle(uint32_t *order, uint32_t n, uint64_t seed, uint32_t step,
                 uint32_t stream);

/* FNV-1a-64 (http://www.isthe.com/chongo/tech/comp/fnv/). */
uint64_t rng_fnv64(const void *bytes, size_t n);

/* The record format's hash, uniform(name, seed, i): see doc/record-format. */
float rng_record(const char *name, uint64_t seed, uint64_t i);

#endif
