/* SPDX-License-Identifier: Apache-2.0 */
#ifndef URL_H
#define URL_H

#include <clade/status.h>

/* Set *path to the path of a file: URL, which the caller frees, and to NULL for
 * https: and http:.  CLADE_EUSAGE: it is another one. */
clade_status url_path(char **path, const char *url);

#endif
