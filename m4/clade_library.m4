# SPDX-License-Identifier: Apache-2.0
#
# CLADE_LIBRARY(NAME, MODULE, HEADER, CALL, LIBRARIES)
#
# Look for a C library.  First ask pkg-config for MODULE.  If that fails,
# compile a program that includes HEADER and has CALL, and link it with
# LIBRARIES.  A user can set NAME_CFLAGS and NAME_LIBS instead.  Sets and
# substitutes NAME_CFLAGS and NAME_LIBS, and sets the shell variable have_NAME
# to yes or no.
AC_DEFUN([CLADE_LIBRARY], [
  AC_REQUIRE([PKG_PROG_PKG_CONFIG])
  PKG_CHECK_MODULES([$1], [$2], [have_$1=yes], [have_$1=no])
  AS_IF([test "$have_$1" = no], [
    AC_MSG_CHECKING([for $3 and $5])
    AS_IF([test -z "$[]$1[]_LIBS"], [$1_LIBS="$5"])
    CLADE_LINKS([$1], [$3], [$4], [have_$1=yes])
    AS_IF([test "$have_$1" = no], [$1_CFLAGS= $1_LIBS=])
    AC_MSG_RESULT([$have_$1])
  ])
])

# CLADE_LINKS(NAME, HEADER, CALL, IF-SO)
#
# Run IF-SO if a program with CALL links with NAME_CFLAGS and NAME_LIBS.
AC_DEFUN([CLADE_LINKS], [
  clade_cppflags=$CPPFLAGS clade_libs=$LIBS
  CPPFLAGS="$CPPFLAGS $[]$1[]_CFLAGS" LIBS="$[]$1[]_LIBS $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <$2>]], [[$3;]])], [$4])
  CPPFLAGS=$clade_cppflags LIBS=$clade_libs
])

# CLADE_MISSING(WHAT, PACKAGE)
#
# Remember that WHAT is needed but missing, and that Debian has it in PACKAGE.
AC_DEFUN([CLADE_MISSING], [
  AS_VAR_APPEND([clade_missing], ["
  $1 (Debian and Ubuntu: $2)"])
  AS_VAR_APPEND([clade_packages], [" $2"])
])

# CLADE_REQUIRE_ALL
#
# If anything is missing, stop.  The message names all of it and the command
# that installs it.
AC_DEFUN([CLADE_REQUIRE_ALL], [
  AS_IF([test -n "$clade_missing"], [
    AC_MSG_ERROR([clade needs, and did not find:$clade_missing
On Debian and Ubuntu: apt-get install$clade_packages])
  ])
])
