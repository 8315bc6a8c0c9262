/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <clade/backend.h>

#include "op/op.h"

enum { TUNES = sizeof(((struct clade_choice *)0)->tune) / sizeof(int) };

char *clade_choice_text(char text[CLADE_CHOICE_TEXT],
                        const struct clade_choice *choice)
{
    int last = TUNES, used;

    if (!text)
        return NULL;
    text[0] = '\0';
    if (!choice || !choice->algorithm)
        return text;
    while (last && !choice->tune[last - 1])
        last--;
    used = snprintf(text, CLADE_CHOICE_TEXT, "%s", choice->algorithm);
    for (int i = 0; i < last && used < CLADE_CHOICE_TEXT; i++)
        used += snprintf(text + used, CLADE_CHOICE_TEXT - (size_t)used, "%s%d",
                         i ? "," : ":", choice->tune[i]);
    return text;
}

bool choice_equal(const struct clade_choice *a, const struct clade_choice *b)
{
    return !strcmp(a->algorithm, b->algorithm) &&
           !memcmp(a->tune, b->tune, sizeof(a->tune));
}

bool choice_is(const struct clade_choice *choice, const char *text)
{
    char whole[CLADE_CHOICE_TEXT];

    return !strcmp(choice->algorithm, text) ||
           !strcmp(clade_choice_text(whole, choice), text);
}
