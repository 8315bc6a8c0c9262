/* SPDX-License-Identifier: Apache-2.0 */
/* A case's name can be read back and gives the same case.  A text that is not a
 * case's name is refused. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "verify/verify.h"

/* Compare the members before the kind of data: the geometry, in plain
 * numbers. */
static bool same(const struct op_case *a, const struct op_case *b)
{
    return !memcmp(a, b, offsetof(struct op_case, data)) && a->data == b->data;
}

static bool comes_back(const struct op_case *c)
{
    struct op_case read = { .scalar = c->scalar };
    const char *wrong;

    memcpy(read.gap, c->gap, sizeof(read.gap));
    wrong = verify_case_parse(&read, c->name);
    if (!wrong && same(c, &read) && !strcmp(c->name, read.name))
        return true;
    tap_note("%s: %s", c->name, wrong ? wrong : read.name);
    return false;
}

static void test_round_trips(const struct op_cases *cases, const char *what)
{
    int back = 0;

    for (int i = 0; i < cases->count; i++)
        back += comes_back(&cases->list[i]);
    tap_ok(back == cases->count && back, "%d of %d names of %s come back", back,
           cases->count, what);
}

static const struct {
    const char *name, *why;
} hostile[] = {
    { "", "no name" },
    { "conv_fwd", "a kind alone" },
    { "conv_fly:2x7x7x48:1x1/1:7x7x32:exact", "an unknown op" },
    { "filter_pack:2x7x7x48:1x1/1:7x7x32:exact", "an op without cases" },
    { "conv_fwd:2x7x7:1x1/1:7x7x32:exact", "a missing extent" },
    { "conv_fwd:0x7x7x48:1x1/1:7x7x32:exact", "no image" },
    { "conv_fwd:2x7x7x48:1x1/0:7x7x32:exact", "a stride of 0" },
    { "conv_fwd:2x-7x7x48:1x1/1:7x7x32:exact", "an extent below 0" },
    { "conv_fwd:2x7x7x48:1x1/1+0.0.-1.0:7x7x32:exact", "padding below 0" },
    { "conv_fwd:2x7x7x48:1x1/1+0.0.0.0:7x7x32:exact", "padding of 0" },
    { "conv_fwd:2x7x7x48:1x1/1+1.1.1:7x7x32:exact", "three pads" },
    { "conv_fwd:02x7x7x48:1x1/1:7x7x32:exact", "a leading 0" },
    { "conv_fwd: 2x7x7x48:1x1/1:7x7x32:exact", "a space" },
    { "conv_fwd:2x7x7x48:1x1/1:7x7x32:relu:bias:exact", "flags out of order" },
    { "conv_fwd:2x7x7x48:1x1/1:7x7x32:mask:exact", "an unknown flag" },
    { "conv_fwd:2x7x7x48:1x1/1:7x7x32:slice:exact", "a slice without gaps" },
    { "conv_fwd:2x7x7x48:1x1/1:7x7x32", "no data" },
    { "conv_fwd:2x7x7x48:1x1/1:7x7x32:exactly", "an unknown kind of data" },
    { "conv_fwd:2x7x7x48:1x1/1:7x7x32:exact:exact", "data twice" },
    { "conv_fwd:99999999x7x7x48:1x1/1:7x7x32:exact", "too many images" },
    { "conv_fwd:4294967298x7x7x48:1x1/1:7x7x32:exact", "more than an int" },
    { "conv_fwd:9999x9999x99x9:1x1/1:7x7x32:exact", "too large an image" },
    { "conv_fwd:2x7x7x48:1x1/1:9999x9999x99:exact", "too large an output" },
    { "conv_fwd:2x7x7x99999:999x999/1:7x7x32:exact", "too large a filter" },
};
enum { HOSTILE = sizeof(hostile) / sizeof(*hostile) };

static void test_hostile(void)
{
    for (int i = 0; i < HOSTILE; i++) {
        struct op_case c = { .scalar = 0 };
        const char *wrong = verify_case_parse(&c, hostile[i].name);

        tap_ok(wrong != NULL, "%s: %s", hostile[i].why, wrong ? wrong : c.name);
    }
}

int main(void)
{
    struct op_cases quick, network = { NULL, 0 };

    if (verify_cases_quick(&quick) || verify_cases_batch(&network, 2, ~0u))
        tap_bail("%s", clade_error());
    tap_plan(2 + HOSTILE);
    test_round_trips(&quick, "reduced cases");
    test_round_trips(&network, "the network's cases");
    test_hostile();
    free(quick.list);
    free(network.list);
    return tap_done();
}
