/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "clock.h"

double tool_uptime(void)
{
    static double start;
    const double now = clock_now();

    if (!start)
        start = now;
    return now - start;
}
