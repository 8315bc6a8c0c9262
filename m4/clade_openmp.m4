# SPDX-License-Identifier: Apache-2.0
#
# CLADE_OPENMP
#
# Look for OpenMP, which is optional: without it the reference runs on one
# core, and an option keeps the compiler from warning about pragmas.  The
# option of configure is --with-openmp=auto|yes|no.  Sets and substitutes
# OPENMP_CFLAGS, and sets have_OPENMP.
AC_DEFUN([CLADE_OPENMP], [
  AC_ARG_WITH([openmp],
    [AS_HELP_STRING([--with-openmp=auto|yes|no],
      [let the reference use all cores [auto]])],
    [], [with_openmp=auto])
  have_OPENMP=no
  AS_IF([test "$with_openmp" != no], [
    AC_MSG_CHECKING([for OpenMP])
    clade_cflags=$CFLAGS
    for clade_flag in -fopenmp -qopenmp; do
      AS_IF([test "$have_OPENMP" = no], [
        CFLAGS="$clade_cflags $clade_flag"
        AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <omp.h>]],
          [[return omp_get_max_threads();]])],
          [have_OPENMP=yes OPENMP_CFLAGS=$clade_flag])
      ])
    done
    CFLAGS=$clade_cflags
    AC_MSG_RESULT([$have_OPENMP])
  ])
  AS_IF([test "$have_OPENMP" = no], [OPENMP_CFLAGS=-Wno-unknown-pragmas])
  AC_SUBST([OPENMP_CFLAGS])
  AS_IF([test "$with_openmp$have_OPENMP" = yesno],
    [CLADE_MISSING([OpenMP for $CC], [libomp-dev])])
])
