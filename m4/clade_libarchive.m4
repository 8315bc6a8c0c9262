# SPDX-License-Identifier: Apache-2.0
#
# CLADE_LIBARCHIVE
#
# Look for libarchive, which reads the archive of CIFAR-10.  It is optional; the
# option is --with-libarchive=auto|yes|no.  Sets and substitutes
# LIBARCHIVE_CFLAGS and LIBARCHIVE_LIBS, sets have_LIBARCHIVE, and makes the
# Automake conditional LIBARCHIVE.
AC_DEFUN([CLADE_LIBARCHIVE], [
  AC_ARG_WITH([libarchive],
    [AS_HELP_STRING([--with-libarchive=auto|yes|no],
      [use libarchive to read archives of images [auto]])],
    [], [with_libarchive=auto])
  have_LIBARCHIVE=no
  AS_IF([test "$with_libarchive" != no], [
    CLADE_LIBRARY([LIBARCHIVE], [libarchive >= 3.0], [archive.h],
      [return !archive_read_new()], [-larchive])
  ])
  AC_SUBST([LIBARCHIVE_CFLAGS])
  AC_SUBST([LIBARCHIVE_LIBS])
  AM_CONDITIONAL([LIBARCHIVE], [test "$have_LIBARCHIVE" = yes])
  AS_IF([test "$with_libarchive$have_LIBARCHIVE" = yesno],
    [CLADE_MISSING([libarchive], [libarchive-dev])])
])
