#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Run `clade verify --quick` on older and newer OpenCL runtimes for CPUs, and
# let runtimes.py write the table "Runtimes" of doc/drivers.md.  The runtimes
# come as Python packages.  This needs the network, python3 with venv, and about
# 1 GB of disk for each.  `make check-runtimes` runs it in the build folder.
#
# A runtime has a folder in runtimes/, which is kept:
#     lib, runtime.icd    the driver, and the file that names it to the loader
#     home                the caches of the driver and of clade, new each time
#     devices             what `clade devices` printed
#     report.json, page.html, log, status
#                         what verify wrote and said, and its exit code
#     drivers.log, faults what the programs of tests/drivers said, and the names
#                         of those whose fault the runtime has
#
# The environment may set
#     CLADE_RUNTIMES  an extended regular expression: run only the runtimes
#                     whose line matches; the others keep their rows
#     CLADE_LIMIT     how many seconds one verify may take (1800)
set -u

# A name, and what pip installs.  The compiler's libraries have the version of
# Intel's driver; pip finds the TBB that goes with them.
runtimes='
intel-2021.4.0  intel-opencl-rt==2021.4.0 intel-cmplr-lib-rt==2021.4.0
intel-2022.2.1  intel-opencl-rt==2022.2.1 intel-cmplr-lib-rt==2022.2.1
intel-2023.0.0  intel-opencl-rt==2023.0.0 intel-cmplr-lib-rt==2023.0.0
intel-2023.2.4  intel-opencl-rt==2023.2.4 intel-cmplr-lib-rt==2023.2.4
intel-2024.2.2  intel-opencl-rt==2024.2.2 intel-cmplr-lib-rt==2024.2.2
intel-2025.0.5  intel-opencl-rt==2025.0.5 intel-cmplr-lib-rt==2025.0.5
intel-2025.3.3  intel-opencl-rt==2025.3.3 intel-cmplr-lib-rt==2025.3.3
intel-2026.2.0  intel-opencl-rt==2026.2.0 intel-cmplr-lib-rt==2026.2.0
pocl-1.3.post1  pocl-binary-distribution==1.3.post1
pocl-3.0        pocl-binary-distribution==3.0
'

top=$PWD/runtimes
drivers=$PWD/tests/drivers
pip=$top/pip/bin/pip
failed=0

# install FOLDER REQUIREMENT...: fill the folder, unless it is complete.
install()
{
    dir=$1
    shift
    [ ! -f "$dir/runtime.icd" ] || return 0
    rm -rf "$dir"
    "$pip" install -q --disable-pip-version-check --no-compile \
        --prefix "$dir" "$@" || return 1
    # Use this machine's ICD loader, and leave out what is for FPGAs.
    rm -f "$dir"/lib/libOpenCL.so* "$dir"/lib/*_emu.so*
    for driver in "$dir"/lib/libintelocl.so \
        "$dir"/lib/python3*/site-packages/pyopencl/.libs/libpocl*.so; do
        [ ! -f "$driver" ] || echo "$driver" >"$dir/runtime.icd"
    done
    [ -f "$dir/runtime.icd" ]
}

# within FOLDER SECONDS COMMAND...: run it there, with that driver alone.
within()
(
    cd "$1" || exit
    OCL_ICD_VENDORS=$1/runtime.icd LD_LIBRARY_PATH=$1/lib
    HOME=$1/home XDG_CACHE_HOME=$1/home POCL_CACHE_DIR=$1/home/pocl
    export OCL_ICD_VENDORS LD_LIBRARY_PATH HOME XDG_CACHE_HOME POCL_CACHE_DIR
    shift
    exec timeout -k 10 "$@"
)

# reproduce FOLDER: find out which faults of tests/drivers the runtime has.
reproduce()
{
    : >"$1/drivers.log"
    : >"$1/faults"
    for program in "$drivers"/*.t; do
        within "$1" 120 "$program" >"$1/said" 2>&1
        status=$?
        if [ $status -ne 0 ] || grep -q '^not ok' "$1/said"; then
            basename "$program" .t >>"$1/faults"
        fi
        cat "$1/said" >>"$1/drivers.log"
    done
    rm -f "$1/said"
}

# try NAME REQUIREMENT...: install a runtime and run everything on it.
try()
{
    dir=$top/$1
    echo "=== $*"
    shift
    install "$dir" "$@" || return 1
    rm -rf "${dir:?}/home" "$dir/page.html"
    mkdir -p "$dir/home/pocl"
    within "$dir" 60 "$CLADE" devices >"$dir/devices" 2>"$dir/log"
    within "$dir" "${CLADE_LIMIT:-1800}" "$CLADE" verify --quick \
        --device opencl --format json --html page.html \
        >"$dir/report.json" 2>"$dir/log"
    echo $? >"$dir/status"
    reproduce "$dir"
}

mkdir -p "$top" || exit 1
[ -x "$pip" ] || python3 -m venv "$top/pip" || exit 1
echo "$runtimes" | grep . | grep -E "${CLADE_RUNTIMES:-.}" >"$top/list"
while read -r name requirements; do
    # shellcheck disable=SC2086 # one word a requirement
    if try "$name" $requirements </dev/null; then
        python3 "$SRCDIR/tests/runtimes.py" "$SRCDIR/doc/drivers.md" \
            "$top/$name" || failed=1
    else
        echo "error: $name could not be installed; its row stays as it was"
        failed=1
    fi
done <"$top/list"
exit $failed
