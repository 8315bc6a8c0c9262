# SPDX-License-Identifier: Apache-2.0
#
# CLADE_OPENCL
#
# Look for the OpenCL headers and ICD loader, which are required: first by
# pkg-config, then in the compiler's own folders, then in those of vendors'
# SDKs.  --with-opencl=DIR looks only in DIR/include and DIR/lib (or DIR/lib64,
# DIR/lib/x86_64 or DIR/lib/x86_64-linux-gnu).  Sets and substitutes
# OPENCL_CFLAGS and OPENCL_LIBS, and sets have_OPENCL.
AC_DEFUN([CLADE_OPENCL], [
  AC_ARG_WITH([opencl],
    [AS_HELP_STRING([--with-opencl=DIR],
      [folder of an OpenCL SDK, instead of searching])],
    [], [with_opencl=yes])
  AS_CASE([$with_opencl],
    [no], [AC_MSG_ERROR([clade needs OpenCL's loader])],
    [yes], [
      CLADE_LIBRARY([OPENCL], [OpenCL], [CL/cl.h],
        [return clGetPlatformIDs(0, 0, 0)], [-lOpenCL])
      clade_sdks="$CUDA_PATH $ROCM_PATH $AMDAPPSDKROOT $INTELOCLSDKROOT
        /usr/local/cuda /opt/rocm /opt/rocm/opencl /opt/AMDAPP
        /opt/intel/opencl"
      AS_IF([test "$have_OPENCL" = no], [CLADE_OPENCL_SDK([$clade_sdks])])
    ],
    [CLADE_OPENCL_SDK(["$with_opencl"])])
  AC_SUBST([OPENCL_CFLAGS])
  AC_SUBST([OPENCL_LIBS])
  AS_IF([test "$have_OPENCL" = no],
    [CLADE_MISSING([OpenCL's headers and loader], [ocl-icd-opencl-dev])])
])

# CLADE_OPENCL_SDK(DIRS)
#
# Take the first folder of DIRS whose OpenCL a program can link with.  DIRS are
# words of the shell.
AC_DEFUN([CLADE_OPENCL_SDK], [
  have_OPENCL=no
  AC_MSG_CHECKING([for an OpenCL SDK])
  for clade_sdk in $1; do
    for clade_lib in lib lib64 lib/x86_64 lib/x86_64-linux-gnu; do
      AS_IF([test "$have_OPENCL" = no && test -d "$clade_sdk/$clade_lib"], [
        OPENCL_CFLAGS="-I$clade_sdk/include"
        OPENCL_LIBS="-L$clade_sdk/$clade_lib -lOpenCL"
        CLADE_LINKS([OPENCL], [CL/cl.h], [return clGetPlatformIDs(0, 0, 0)],
          [have_OPENCL=yes])
      ])
    done
  done
  AS_IF([test "$have_OPENCL" = no],
    [OPENCL_CFLAGS= OPENCL_LIBS= clade_sdk_found=none],
    [clade_sdk_found=$OPENCL_LIBS])
  AC_MSG_RESULT([$clade_sdk_found])
])
