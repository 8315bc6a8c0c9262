/* SPDX-License-Identifier: Apache-2.0 */
#include "plain.h"

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
