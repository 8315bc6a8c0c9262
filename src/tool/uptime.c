/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <time.h>

double tool_uptime(void)
{
    static struct timespec start;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!start.tv_sec && !start.tv_nsec)
        start = now;
    return (double)(now.tv_sec - start.tv_sec) +
           1e-9 * (double)(now.tv_nsec - start.tv_nsec);
}
