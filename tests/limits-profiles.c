/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of GPUs, as clinfo lists them.  Groups a dimension are listed by
 * no query of OpenCL; they come from the vendors' own tools and manuals.  Where
 * a listing has no figure that concerns clade, it is that of a related device,
 * which the comment names.
 */
#include "limits.h"

#define KIB ((cl_ulong)1 << 10)
#define MIB ((cl_ulong)1 << 20)
#define GIB ((cl_ulong)1 << 30)

/* clang-format off */
const struct profile profiles[] = {
    /* GeForce GTX 1050 Ti, bh107/bohrium issue 338: group, items, alignment.
     * The groups: CUDA C++ Programming Guide, "Technical Specifications per
     * Compute Capability".  One buffer is a quarter of the memory. */
    { "nvidia", 1024, { 1024, 1024, 64 }, { 2147483647, 65535, 65535 },
      48 * KIB, 1 * GIB, 4 * GIB, 4096, 1, 32, 6, CL_FALSE },
    /* Radeon RX 480 under ROCm, ROCm/clr pull request 97: group, items.  The
     * groups: rocminfo of gfx942, ROCm/rocm-systems issue 8263 (older ones list
     * no limit).  Memory: gfx1030, NixOS/nixpkgs pull request 152113. */
    { "amd", 256, { 1024, 1024, 1024 }, { 2147483647, 65535, 65535 },
      64 * KIB, 14588628168, 17163091968, 1024, 1, 64, 36, CL_FALSE },
    /* Intel Gen9 HD Graphics NEO, open-edge-platform/dlstreamer issue 183, and
     * Bdot42/mfakto issue 16 (one buffer). */
    { "intel", 256, { 256, 256, 256 }, { 0 },
      64 * KIB, 4294959104, 13 * GIB, 1024, 1, 32, 24, CL_TRUE },
    /* Mali-G71, 96boards-hikey/linux pull request 59: items, group.  Local
     * memory and alignment: Mali-T628, MichaIng/DietPi issue 4101. */
    { "mali", 384, { 256, 256, 256 }, { 0 },
      32 * KIB, 1 * GIB, 4 * GIB, 1024, 4, 4, 8, CL_TRUE },
    /* The least that OpenCL 1.2 allows a device that is not custom: table 4.3
     * of its specification.  It has no limit of groups; these are CUDA's. */
    { "minima", 1, { 1, 1, 1 }, { 2147483647, 65535, 65535 },
      32 * KIB, 128 * MIB, 512 * MIB, 1024, 1, 1, 1, CL_FALSE },
    { .name = 0 }
};
/* clang-format on */
