/* SPDX-License-Identifier: Apache-2.0 */
/* Built without libcurl: nothing can be downloaded. */
#include "fetch/download.h"
#include "status.h"

clade_status download_available(void)
{
    return clade_fail(CLADE_EUSAGE,
                      "clade was built without libcurl, which downloads: "
                      "install it (Debian: libcurl4-openssl-dev) and configure "
                      "clade again, or download the archive with another "
                      "program, and give its file: URL");
}

clade_status download_rest(struct part *part, const struct fetch_options *o)
{
    (void)part;
    (void)o;
    return download_available();
}
