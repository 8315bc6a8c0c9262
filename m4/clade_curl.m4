# SPDX-License-Identifier: Apache-2.0
#
# CLADE_CURL
#
# Look for libcurl, with which `clade fetch` downloads.  It is optional; the
# option is --with-curl=auto|yes|no.  Sets and substitutes CURL_CFLAGS and
# CURL_LIBS, sets have_CURL, and makes the Automake conditional CURL.
AC_DEFUN([CLADE_CURL], [
  AC_ARG_WITH([curl],
    [AS_HELP_STRING([--with-curl=auto|yes|no],
      [use libcurl to download images [auto]])],
    [], [with_curl=auto])
  have_CURL=no
  AS_IF([test "$with_curl" != no], [
    CLADE_LIBRARY([CURL], [libcurl >= 7.32], [curl/curl.h],
      [return !curl_easy_init()], [-lcurl])
  ])
  AC_SUBST([CURL_CFLAGS])
  AC_SUBST([CURL_LIBS])
  AM_CONDITIONAL([CURL], [test "$have_CURL" = yes])
  AS_IF([test "$with_curl$have_CURL" = yesno],
    [CLADE_MISSING([libcurl], [libcurl4-openssl-dev])])
])
