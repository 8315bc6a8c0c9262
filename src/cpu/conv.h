/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CPU_CONV_H
#define CPU_CONV_H

#include "cpu/real.h"

/* conv_at.c: the convolutions in exact terms, by element and by row. */
cpu_at_fn REAL_NAME(conv_fwd_at), REAL_NAME(conv_bwd_data_at),
    REAL_NAME(conv_bwd_filter_at);
cpu_row_fn REAL_NAME(conv_fwd_row), REAL_NAME(conv_bwd_data_row),
    REAL_NAME(conv_bwd_filter_row);

#endif
