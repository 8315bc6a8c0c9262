/* SPDX-License-Identifier: Apache-2.0 */
#include "doors.h"

#include <string.h>

#include "tap.h"

#define LARGE                                                                  \
    {                                                                          \
        .bytes = (size_t)1 << 40                                               \
    }
struct clade_buffer room[8] = { LARGE, LARGE, LARGE, LARGE,
                                LARGE, LARGE, LARGE, LARGE };

struct clade_tensor tensor(int i, int n, int h, int w, int c)
{
    return clade_tensor_at(&room[i], 0, n, h, w, c, CLADE_F32);
}

struct clade_tensor bytes(int i, int n, int h, int w, int c)
{
    return clade_tensor_at(&room[i], 0, n, h, w, c, CLADE_U8);
}

void doors_expect(clade_status st, clade_status wanted, const char *refusal,
                  const char *why)
{
    const bool passed = refusal ? st == wanted && strstr(clade_error(), refusal)
                                : st == CLADE_OK;

    if (!tap_ok(passed, "%s", why))
        tap_note("got: %s", st ? clade_error() : "let in");
}

void doors_test(const struct door_case *cases, int n, clade_status refused)
{
    for (int i = 0; i < n; i++)
        doors_expect(cases[i].make(), refused, cases[i].refusal, cases[i].why);
}
