/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of one image each, added up, are a correct training of two: they keep
 * to the envelope that ships, and a wrong momentum does not. */
#include "divided.h"
#include "tap.h"
#include "tested.h"
#include "verify/envelope.h"

static clade_status judge(clade_backend *be, double momentum)
{
    struct training_config config;
    struct divided divided;
    struct envelope e;
    struct dist alone;
    struct judged judged;
    clade_status st;

    if (envelope_read(&e, NULL))
        tap_bail("%s", clade_error());
    config = e.config;
    config.momentum = momentum;
    dist_alone(&alone);
    divided_train(&divided, be, &alone, "1,1", &config);
    judged = (struct judged){ .trace = &divided.trace,
                              .centre = &e.centre,
                              .unit = &e.centre,
                              .name = "in shares",
                              .conclude = divided_note };
    if (divided.trace.n != e.centre.n)
        tap_bail("%d quantities, the envelope has %d", divided.trace.n,
                 e.centre.n);
    st = spread_verdict(&e.spread, &judged);
    divided_free(&divided);
    envelope_free(&e);
    return st;
}

int main(void)
{
    clade_backend *be = tested_need();

    if (clade_backend_real(be) != CLADE_F32)
        tap_skip_all("the envelope is of float32");
    tap_plan(2);
    tap_ok(!judge(be, 0.9), "1 + 1 images are inside the envelope");
    tap_ok(judge(be, 0.89) == CLADE_EBOUND,
           "with momentum 0.89 they are not: %s", clade_error());
    clade_backend_close(be);
    return tap_done();
}
