# SPDX-License-Identifier: Apache-2.0
#
# CLADE_JPEG
#
# Look for TurboJPEG 2.1 or later, which can limit the scans of a file.  It is
# optional: without it, clade reads no JPEG files.  The option is
# --with-jpeg=auto|yes|no.  Sets and substitutes JPEG_CFLAGS and JPEG_LIBS, sets
# have_JPEG, and makes the Automake conditional JPEG.
AC_DEFUN([CLADE_JPEG], [
  AC_ARG_WITH([jpeg],
    [AS_HELP_STRING([--with-jpeg=auto|yes|no], [read JPEG files [auto]])],
    [], [with_jpeg=auto])
  have_JPEG=no
  AS_IF([test "$with_jpeg" != no], [
    CLADE_LIBRARY([JPEG], [libturbojpeg >= 2.1], [turbojpeg.h],
      [return TJFLAG_LIMITSCANS + tjGetErrorCode(0)], [-lturbojpeg])
  ])
  AC_SUBST([JPEG_CFLAGS])
  AC_SUBST([JPEG_LIBS])
  AM_CONDITIONAL([JPEG], [test "$have_JPEG" = yes])
  AS_IF([test "$with_jpeg$have_JPEG" = yesno],
    [CLADE_MISSING([TurboJPEG 2.1 or later], [libturbojpeg0-dev])])
])
