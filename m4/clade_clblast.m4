# SPDX-License-Identifier: Apache-2.0
#
# CLADE_CLBLAST
#
# Look for CLBlast 1.5 or later with its C interface.  CLBlast is optional:
# without it, convolutions have only the `direct` algorithm.  Use this after
# CLADE_OPENCL.  The option is --with-clblast=auto|yes|no.  Sets and
# substitutes CLBLAST_CFLAGS and CLBLAST_LIBS, sets have_CLBLAST, and makes the
# Automake conditional CLBLAST.
#
# CLBlast has CLBlastSgemmWithTempBuffer() since 1.5.
AC_DEFUN([CLADE_CLBLAST], [
  AC_ARG_WITH([clblast],
    [AS_HELP_STRING([--with-clblast=auto|yes|no],
      [use CLBlast for matrix products [auto]])],
    [], [with_clblast=auto])
  have_CLBLAST=no
  AS_IF([test "$with_clblast" != no], [
    CLADE_LIBRARY([CLBLAST], [clblast], [clblast_c.h], [], [-lclblast])
    AC_MSG_CHECKING([for CLBlastSgemmWithTempBuffer])
    clade_cflags=$CLBLAST_CFLAGS
    CLBLAST_CFLAGS="$CLBLAST_CFLAGS $OPENCL_CFLAGS"
    have_CLBLAST=no
    CLADE_LINKS([CLBLAST], [clblast_c.h],
      [return !CLBlastSgemmWithTempBuffer], [have_CLBLAST=yes])
    CLBLAST_CFLAGS=$clade_cflags
    AC_MSG_RESULT([$have_CLBLAST])
  ])
  AS_IF([test "$have_CLBLAST" = no], [CLBLAST_CFLAGS= CLBLAST_LIBS=])
  AC_SUBST([CLBLAST_CFLAGS])
  AC_SUBST([CLBLAST_LIBS])
  AM_CONDITIONAL([CLBLAST], [test "$have_CLBLAST" = yes])
  AS_IF([test "$with_clblast$have_CLBLAST" = yesno],
    [CLADE_MISSING([CLBlast 1.5 or later], [libclblast-dev])])
])
