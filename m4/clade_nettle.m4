# SPDX-License-Identifier: Apache-2.0
#
# CLADE_NETTLE
#
# The nettle library, which is required: SHA-256 of data and records.  Sets
# and substitutes NETTLE_CFLAGS and NETTLE_LIBS.
AC_DEFUN([CLADE_NETTLE], [
  CLADE_LIBRARY([NETTLE], [nettle], [nettle/sha2.h],
    [struct sha256_ctx c; sha256_init(&c)], [-lnettle])
  AS_IF([test "$have_NETTLE" = no], [CLADE_MISSING([nettle], [nettle-dev])])
])
