/* SPDX-License-Identifier: Apache-2.0 */
#include "dist/engine.h"
#include "status.h"

clade_status mpi_join(struct dist *d)
{
    (void)d;
    return clade_fail(CLADE_EUSAGE,
                      "a launcher started this process, but clade was built "
                      "without MPI: configure it with MPI, or start it without "
                      "the launcher");
}
