/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Long enough for most build logs; longer ones are cut. */
static _Thread_local char message[8192];

static const struct {
    const char *text;
    int code;
} table[] = {
#define ROW(name, code, text) [CLADE_##name] = { text, code },
    CLADE_STATUS_LIST(ROW)
#undef ROW
};

clade_status clade_fail(clade_status st, const char *fmt, ...)
{
    char text[sizeof message];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(message, text, sizeof message);
    return st;
}

clade_status status_given(const char *what, const char *names, bool given)
{
    return given ? CLADE_OK
                 : clade_fail(CLADE_EUSAGE, "%s: NULL is not allowed for %s",
                              what, names);
}

const char *clade_error(void)
{
    return message;
}

const char *clade_status_text(clade_status st)
{
    return st < sizeof table / sizeof *table ? table[st].text : "unknown";
}

int clade_status_exit_code(clade_status st)
{
    return st < sizeof table / sizeof *table ? table[st].code : 1;
}
