/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include "fetch/part.h"

/* More bytes than this are no archive of CIFAR-10, whose files have 184,380,000
 * bytes before they are compressed. */
#define DOWNLOAD_MAX 200000000

/* CLADE_EUSAGE if clade was built without the library that downloads. */
clade_status download_available(void);

/* Download what follows the bytes of the part; where the server cannot do that,
 * everything.  Fails like fetch_cifar10(), and keeps what came. */
clade_status download_rest(struct part *part, const struct fetch_options *o);

#endif
