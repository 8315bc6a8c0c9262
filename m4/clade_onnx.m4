# SPDX-License-Identifier: Apache-2.0
#
# CLADE_ONNX
#
# Look for what `clade export --format onnx` is built with: protobuf-c with its
# compiler, and the definition of ONNX' messages, onnx.proto.  All are optional.
# The option is --with-onnx-proto=auto|yes|no|FILE.  Sets and substitutes
# ONNX_CFLAGS, ONNX_LIBS, ONNX_PROTO and PROTOC_C, sets have_ONNX, and makes the
# Automake conditional ONNX.
AC_DEFUN([CLADE_ONNX], [
  AC_ARG_WITH([onnx-proto],
    [AS_HELP_STRING([--with-onnx-proto=auto|yes|no|FILE],
      [export to ONNX; FILE is onnx.proto @<:@auto@:>@])],
    [], [with_onnx_proto=auto])
  have_ONNX=no ONNX_PROTO=
  AS_CASE([$with_onnx_proto],
    [no], [],
    [auto|yes], [
      for clade_file in /usr/include/onnx/onnx.proto \
          /usr/include/onnx/onnx-ml.proto /usr/local/include/onnx/onnx.proto \
          /usr/local/include/onnx/onnx-ml.proto; do
        AS_IF([test -z "$ONNX_PROTO" && test -r "$clade_file"],
          [ONNX_PROTO=$clade_file])
      done
    ],
    [ONNX_PROTO=$with_onnx_proto])
  AS_IF([test "$with_onnx_proto" != no], [
    AC_CHECK_PROGS([PROTOC_C], [protoc-c])
    CLADE_LIBRARY([ONNX], [libprotobuf-c], [protobuf-c/protobuf-c.h],
      [protobuf_c_version()], [-lprotobuf-c])
    AC_MSG_CHECKING([for onnx.proto])
    AS_IF([test ! -r "$ONNX_PROTO"], [have_ONNX=no])
    AS_IF([test -z "$PROTOC_C"], [have_ONNX=no])
    AC_MSG_RESULT([${ONNX_PROTO:-no}])
  ])
  AS_IF([test "$have_ONNX" = no], [ONNX_CFLAGS= ONNX_LIBS=])
  AC_SUBST([ONNX_CFLAGS])
  AC_SUBST([ONNX_LIBS])
  AC_SUBST([ONNX_PROTO])
  AM_CONDITIONAL([ONNX], [test "$have_ONNX" = yes])
  AS_CASE([$with_onnx_proto$have_ONNX], [autono|nono|*yes], [],
    [CLADE_MISSING([protobuf-c, its compiler and onnx.proto],
      [libprotobuf-c-dev protobuf-c-compiler libonnx-dev])])
])
