/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of GPUs, as clinfo lists them.  Each listing is named by the
 * thread of GitHub that it is in.  OpenCL cannot be asked how many groups a
 * dimension may have; these figures are from the vendors' own tools and
 * manuals.
 */
#include "limits.h"

#define KIB      ((cl_ulong)1 << 10)
#define MIB      ((cl_ulong)1 << 20)
#define X_GROUPS 2147483647

/* clang-format off */
const struct profile profiles[] = {
    /* GeForce GTX 1050 Ti: bh107/bohrium issue 338.  Memory, alignment: an
     * NVIDIA GPU of 8 GB, darktable-org/darktable issue 12687.  Groups, and 48
     * KiB of local memory: CUDA C++ Programming Guide, "Technical
     * Specifications per Compute Capability". */
    { "nvidia", 1024, { 1024, 1024, 64 }, { X_GROUPS, 65535, 65535 },
      48 * KIB, 2052308992, 8209235968, 4096, 1, 32, 6, CL_FALSE },
    /* Radeon RX 480 under ROCm: ROCm/clr pull request 97.  Memory, alignment:
     * an AMD GPU of 16 GB, NixOS/nixpkgs pull request 152113.  Groups: gfx942,
     * ROCm/rocm-systems issue 8263; older drivers list 4294967295. */
    { "amd", 256, { 1024, 1024, 1024 }, { X_GROUPS, 65535, 65535 },
      64 * KIB, 14588628168, 17163091968, 1024, 1, 64, 36, CL_FALSE },
    /* Gen9 HD Graphics NEO: open-edge-platform/dlstreamer issue 183.  Local
     * memory, alignment: Bdot42/mfakto issue 16.  Memory: Iris Xe,
     * darktable-org/darktable issue 20985. */
    { "intel", 256, { 256, 256, 256 }, { 0 },
      64 * KIB, 4096 * MIB, 29462 * MIB, 1024, 1, 32, 24, CL_TRUE },
    /* Adreno under rusticl: hashcat/hashcat pull request 4729.  Memory: Adreno
     * 750, Oblomov/clinfo issue 92.  Local memory, alignment: Adreno 650,
     * xmrig/xmrig issue 2383. */
    { "adreno", 2048, { 1024, 1024, 64 }, { 0 },
      32 * KIB, 1073741824, 5814714368, 1024, 1, 128, 3, CL_TRUE },
    /* Mali-G71: 96boards-hikey/linux pull request 59.  Local memory, alignment:
     * Mali-T628, MichaIng/DietPi issue 4101.  Memory: Mali-G610,
     * hominoids/sgminer-arm issue 12. */
    { "mali", 384, { 256, 256, 256 }, { 0 },
      32 * KIB, 7797280768, 7797280768, 1024, 4, 4, 8, CL_TRUE },
    /* Apple M1: "Installation under Macbook Apple Silicon" of the manual of
     * pynufft/pynufft. */
    { "apple", 256, { 256, 256, 256 }, { 0 },
      32 * KIB, 2147483648, 11453251584, 32768, 1, 32, 8, CL_TRUE },
    /* The least that OpenCL 1.2 allows: table 4.3 of its specification.  It has
     * no minimum for groups or for all memory; these are CUDA's, and four
     * times a buffer. */
    { "minima", 1, { 1, 1, 1 }, { X_GROUPS, 65535, 65535 },
      32 * KIB, 128 * MIB, 512 * MIB, 1024, 1, 1, 1, CL_FALSE },
    { .name = 0 }
};
/* clang-format on */
