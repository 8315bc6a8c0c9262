/* SPDX-License-Identifier: Apache-2.0 */
#include "train/shares.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

int shares_first(const struct shares *shares, int share, int n)
{
    return share ? (int)((int64_t)n * shares->end[share - 1] / shares->batch)
                 : 0;
}

int shares_size(const struct shares *shares, int share, int n)
{
    return shares_first(shares, share + 1, n) - shares_first(shares, share, n);
}

static clade_status make_room(struct shares *s, int count, int batch)
{
    if (count > batch)
        return clade_fail(CLADE_EUSAGE,
                          "%d shares of a batch of %d images: a share needs at "
                          "least one",
                          count, batch);
    *s = (struct shares){ .count = count, .batch = batch };
    s->end = calloc(count, sizeof *s->end);
    return s->end ? CLADE_OK
                  : clade_fail(CLADE_ENOMEM, "%d shares: out of memory", count);
}

static clade_status cut_equally(struct shares *s, int count, int batch)
{
    const clade_status st = make_room(s, count, batch);

    for (int i = 0; i < count && !st; i++)
        s->end[i] = (int)((int64_t)batch * (i + 1) / count);
    return st;
}

static int count_sizes(const char *text)
{
    int n = 1;

    for (; (text = strchr(text, ',')); text++)
        n++;
    return n;
}

/* Cut into the sizes that a text lists: "20,12". */
static clade_status cut_by_text(struct shares *s, const char *text, int batch)
{
    const char *at = text;
    long end = 0;
    clade_status st;

    if ((st = make_room(s, count_sizes(text), batch)))
        return st;
    for (int i = 0; i < s->count; i++) {
        char *rest;
        const long size = strtol(at, &rest, 10);

        if (*at < '0' || *at > '9' || *rest != (i == s->count - 1 ? 0 : ',') ||
            size < 1 || size > batch)
            return clade_fail(
                CLADE_EUSAGE,
                "the shares \"%s\" must be sizes, as in \"20,12\"", text);
        end += size;
        s->end[i] = (int)(end < INT_MAX ? end : INT_MAX);
        at = rest + 1;
    }
    if (end != batch)
        return clade_fail(CLADE_EUSAGE,
                          "the shares \"%s\" are %ld images, the batch has %d",
                          text, end, batch);
    return CLADE_OK;
}

bool shares_are_auto(const struct clade_train_config *config)
{
    return config->shares && !strcmp(config->shares, "auto");
}

clade_status shares_new(struct shares *shares,
                        const struct clade_train_config *config, int ranks)
{
    const int batch = config->batch;
    clade_status st;

    *shares = (struct shares){ 0 };
    if (config->shares && config->accumulate)
        return clade_fail(CLADE_EUSAGE,
                          "shares \"%s\" and %d equal ones: only one of both "
                          "can be",
                          config->shares, config->accumulate);
    st = config->shares && !shares_are_auto(config)
             ? cut_by_text(shares, config->shares, batch)
             : cut_equally(shares,
                           config->accumulate ? config->accumulate : ranks,
                           batch);
    if (!st && ranks > shares->count)
        st = clade_fail(CLADE_EUSAGE,
                        "%d processes for %d shares of a batch: start fewer "
                        "processes, or cut the batch into more shares",
                        ranks, shares->count);
    if (st)
        shares_free(shares);
    return st;
}

/* One image each; then each next one goes to the share that would have it done
 * first. */
void shares_cut_by_speed(struct shares *s, const double *seconds)
{
    int *size = s->end;

    for (int i = 0; i < s->count; i++)
        size[i] = 1;
    for (int left = s->batch - s->count; left > 0; left--) {
        int best = 0;

        for (int i = 1; i < s->count; i++)
            if ((size[i] + 1) * seconds[i] < (size[best] + 1) * seconds[best])
                best = i;
        size[best]++;
    }
    for (int i = 1; i < s->count; i++)
        s->end[i] += s->end[i - 1];
}

void shares_free(struct shares *shares)
{
    free(shares->end);
    *shares = (struct shares){ 0 };
}

char *shares_text(const struct shares *shares)
{
    const size_t size = 12 * (size_t)shares->count;
    char *text = malloc(size);
    size_t used = 0;

    for (int i = 0; text && i < shares->count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", i ? "," : "",
                                 shares_size(shares, i, shares->batch));
    return text;
}
