/* SPDX-License-Identifier: Apache-2.0 */
#include "plain.h"

#include <jansson.h>

locale_t plain_begin(void)
{
    /* If there is no memory, it is 0, and uselocale(0) changes nothing. */
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

void plain_end(locale_t before)
{
    const locale_t plain = uselocale(before);

    if (plain != before)
        freelocale(plain);
}

void plain_utf8(char *text)
{
    json_t *string = json_string(text);

    for (char *c = text; *c && !string; c++)
        if ((unsigned char)*c > 0x7f)
            *c = '?';
    json_decref(string);
}
