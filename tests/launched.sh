# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What scripts share that start several processes by the MPI that clade was built
# with.  The scripts source this file, which skips them if there is none.  $dir is
# a folder for their files.  Without an OpenCL device, the device is `cpu`.
# shellcheck source=tests/tested.sh
. "$SRCDIR/tests/tested.sh"
# shellcheck source=tests/tap.sh
. "$SRCDIR/tests/tap.sh"

if [ -z "$MPIRUN" ]; then
    echo '1..0 # SKIP clade was built without MPI'
    exit 0
fi
if ! has_device; then
    device=cpu
fi
dir=$(mktemp -d ./ranks-test-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
# Open MPI starts neither root's processes nor more than there are processors,
# unless it is told to.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1
export OMP_WAIT_POLICY=passive
# shellcheck disable=SC2034 # the script that sources this file uses it
small="--device $device --train-count 3 --test-count 1 --batch 2 --quiet"

# report STATUS NAME [FILE]: the line of one test, on failure with a file.
report()
{
    tap_line "$1" "$2" || [ -z "${3-}" ] || sed 's/^/# /' "$3"
}
