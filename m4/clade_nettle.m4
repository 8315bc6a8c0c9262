# SPDX-License-Identifier: Apache-2.0
#
# CLADE_NETTLE
#
# Look for nettle, which is required: it computes SHA-256.  Sets and
# substitutes NETTLE_CFLAGS and NETTLE_LIBS.
AC_DEFUN([CLADE_NETTLE], [
  CLADE_LIBRARY([NETTLE], [nettle], [nettle/sha2.h],
    [struct sha256_ctx c; sha256_init(&c)], [-lnettle])
  AS_IF([test "$have_NETTLE" = no], [CLADE_MISSING([nettle], [nettle-dev])])
])
