# SPDX-License-Identifier: Apache-2.0
#
# CLADE_MPI
#
# With --with-mpi[=MPICC], look for MPI 3.0 or later by what its compiler
# wrapper would do (`mpicc -show`).  Without that option, clade does not use MPI.
# Sets and substitutes MPI_CFLAGS and MPI_LIBS, sets have_MPI and MPICC, and
# makes the Automake conditional MPI.
AC_DEFUN([CLADE_MPI], [
  AC_ARG_WITH([mpi],
    [AS_HELP_STRING([--with-mpi@<:@=MPICC@:>@],
      [train with several processes; MPICC is MPI's compiler @<:@mpicc@:>@])],
    [], [with_mpi=no])
  have_MPI=no
  AS_CASE([$with_mpi], [no], [], [yes], [MPICC=mpicc], [MPICC=$with_mpi])
  AS_IF([test "$with_mpi" != no], [
    MPI_CFLAGS= MPI_LIBS=
    for clade_word in `$MPICC -show 2>/dev/null`; do
      AS_CASE([$clade_word],
        [-I*|-D*|-pthread], [AS_VAR_APPEND([MPI_CFLAGS], [" $clade_word"])],
        [-L*|-l*|-Wl,*], [AS_VAR_APPEND([MPI_LIBS], [" $clade_word"])])
    done
    AC_MSG_CHECKING([for MPI by $MPICC])
    CLADE_LINKS([MPI], [mpi.h], [return MPI_Ibarrier(MPI_COMM_WORLD, 0)],
      [have_MPI=yes])
    AC_MSG_RESULT([$have_MPI])
    AS_IF([test "$have_MPI" = no],
      [CLADE_MISSING([MPI 3.0 or later], [libopenmpi-dev])])
  ])
  MPIRUN=
  AS_IF([test "$have_MPI" = yes], [MPIRUN=`echo "$MPICC" | sed 's/mpicc/mpirun/'`])
  AC_SUBST([MPIRUN])
  AC_SUBST([MPI_CFLAGS])
  AC_SUBST([MPI_LIBS])
  AM_CONDITIONAL([MPI], [test "$have_MPI" = yes])
])
