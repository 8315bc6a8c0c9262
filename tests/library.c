/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Basic calls, as a user of the installed library makes them.  This program
 * links the shared library, so it can use public names only.
 */
#include <string.h>

#include <clade/net.h>

#include "tap.h"

struct expected {
    clade_status status;
    int exit_code;
};

/* Users' scripts rely on these exit codes. */
static const struct expected codes[] = {
    { CLADE_OK, 0 },
    { CLADE_EFAIL, 1 },
    { CLADE_EIO, 1 },
    { CLADE_ENOMEM, 1 },
    { CLADE_EDEVICE, 1 },
    { CLADE_EUSAGE, 2 },
    { CLADE_EAMBIGUOUS, 2 },
    { CLADE_EINUSE, 2 },
    { CLADE_EDATA, 3 },
    { CLADE_ENODEVICE, 4 },
    { CLADE_EBUILD, 4 },
    { CLADE_ETOOSMALL, 4 },
    { CLADE_EDIVERGED, 5 },
    { CLADE_EBOUND, 6 },
    { CLADE_ESLOWER, 7 },
    { CLADE_EMISTRUSTED, 8 },
    { CLADE_EINTERRUPTED, 130 },
};
enum { N_CODES = sizeof(codes) / sizeof(codes[0]) };

static void test_codes(void)
{
    for (int i = 0; i < N_CODES; i++) {
        const int got = clade_status_exit_code(codes[i].status);

        tap_ok(got == codes[i].exit_code,
               "exit code of \"%s\": got %d, want %d",
               clade_status_text(codes[i].status), got, codes[i].exit_code);
    }
}

/* Channels 2 ... 4 of a [2,3,4,8] tensor that begins at element 5. */
static void test_slice(void)
{
    const struct clade_tensor whole =
        clade_tensor_at(NULL, 5, 2, 3, 4, 8, CLADE_F32);
    const struct clade_tensor slice = clade_tensor_slice(whole, 2, 3);
    /* (n,h,w,c) = (1,0,2,1) is channel 1 of pixel 14 */
    const int64_t at = clade_tensor_element(&slice, 14 * 3 + 1);

    tap_ok(clade_tensor_elements(&slice) == 2 * 3 * 4 * 3,
           "a slice of three channels has N*H*W*3 elements");
    tap_ok(
        at == 5 + 14 * 8 + 2 + 1,
        "the pixels of a slice are as far apart as its tensor's: element %lld",
        (long long)at);
}

int main(void)
{
    tap_plan(N_CODES + 3);
    test_codes();
    test_slice();
    tap_ok(strlen(clade_error()) == 0,
           "before any failure the message is empty");
    return tap_done();
}
