# SPDX-License-Identifier: Apache-2.0
#
# CLADE_PNG
#
# Look for libpng 1.6 or later, which has the simplified interface.  It is
# optional: without it, clade reads no PNG files.  The option is
# --with-png=auto|yes|no.  Sets and substitutes PNG_CFLAGS and PNG_LIBS, sets
# have_PNG, and makes the Automake conditional PNG.
AC_DEFUN([CLADE_PNG], [
  AC_ARG_WITH([png],
    [AS_HELP_STRING([--with-png=auto|yes|no], [read PNG files [auto]])],
    [], [with_png=auto])
  have_PNG=no
  AS_IF([test "$with_png" != no], [
    CLADE_LIBRARY([PNG], [libpng >= 1.6], [png.h],
      [return !png_image_begin_read_from_memory], [-lpng])
  ])
  AC_SUBST([PNG_CFLAGS])
  AC_SUBST([PNG_LIBS])
  AM_CONDITIONAL([PNG], [test "$have_PNG" = yes])
  AS_IF([test "$with_png$have_PNG" = yesno],
    [CLADE_MISSING([libpng 1.6 or later], [libpng-dev])])
])
