/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <stdarg.h>

void run_notice(const struct clade_train_observer *observer, const char *fmt,
                ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (observer->notice)
        observer->notice(observer->arg, text);
}
