# SPDX-License-Identifier: Apache-2.0
#
# CLADE_JANSSON
#
# Look for jansson, which is required: it reads and writes the JSON of records,
# of checkpoints' headers and of --json.  Sets and substitutes JANSSON_CFLAGS
# and JANSSON_LIBS.
AC_DEFUN([CLADE_JANSSON], [
  CLADE_LIBRARY([JANSSON], [jansson], [jansson.h],
    [json_decref(json_object())], [-ljansson])
  AS_IF([test "$have_JANSSON" = no],
    [CLADE_MISSING([jansson], [libjansson-dev])])
])
