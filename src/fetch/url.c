/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "status.h"

/* The rest of a URL after its scheme ("file:"), or NULL if it has another. */
static const char *after(const char *url, const char *scheme)
{
    const size_t n = strlen(scheme);

    return strncasecmp(url, scheme, n) ? NULL : url + n;
}

/* Copy a path, with %20 and the like as the byte that they mean. */
static char *decode(const char *text)
{
    char *path = malloc(strlen(text) + 1), *to = path;

    for (; path && *text; text++) {
        const char hex[] = { text[0] == '%' ? text[1] : 0,
                             text[0] == '%' && text[1] ? text[2] : 0, 0 };
        const bool coded =
            isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]);

        *to++ = coded ? (char)strtol(hex, NULL, 16) : *text;
        text += coded ? 2 : 0;
    }
    if (path)
        *to = '\0';
    return path;
}

clade_status url_path(char **path, const char *url)
{
    const char *rest = after(url, "file:"), *local;

    *path = NULL;
    if (!rest && (after(url, "https://") || after(url, "http://")))
        return CLADE_OK;
    if (!rest)
        return clade_fail(CLADE_EUSAGE,
                          "%s: is no URL with https:, http: or file:; for a "
                          "file of this machine, give file:PATH",
                          url);
    if ((local = after(rest, "//localhost/")) || (local = after(rest, "///")))
        rest = local - 1; /* with the last slash */
    else if (after(rest, "//"))
        return clade_fail(CLADE_EUSAGE, "%s: is a file of another machine",
                          url);
    *path = decode(rest);
    return *path ? CLADE_OK
                 : clade_fail(CLADE_ENOMEM, "%s: out of memory", url);
}
