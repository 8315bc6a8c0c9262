#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# How several processes of one thread each train together: clade by MPI on PoCL,
# and PyTorch's DistributedDataParallel over gloo.  They take turns, so that
# other work slows both.
#
# usage: ddp.sh CLADE PYTHON [RANKS [BATCH [ROUNDS]]]
#
# PYTHON has safetensors and PyTorch (Debian: python3-torch; with
# libopenblas0-pthread, or its small products take ten times as long).  The
# environment may set
#     MPIRUN  the launcher of the MPI that clade was built with (mpirun)
#     DEVICE  clade's device (opencl)
# A round prints two lines; the last lines are medians of all rounds.
set -eu
if [ $# -lt 2 ]; then
    sed -n 's/^# usage: /usage: /p' "$0" >&2
    exit 2
fi
clade=$1 python=$2 ranks=${3:-2} batch=${4:-32} rounds=${5:-5}
peer=$(dirname "$0")/ddp.py
export POCL_MAX_PTHREAD_COUNT=1 OPENBLAS_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

# line WHO: a line of what the JSON on stdin says.
line()
{
    "$python" -c '
import json, sys
o = json.load(sys.stdin)
print("%-7s %8.2f images/s  %5.1f %% of %.2f" % (
    sys.argv[1], o["images_per_second"], 100 * o["efficiency"],
    o["alone_images_per_second"]))' "$1"
}

# median WHO COLUMN
median()
{
    awk -v who="$1" -v at="$2" '$1 == who { print $at }' "$lines" | sort -n |
        awk '{ v[NR] = $1 }
            END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

round=0
while [ "$round" -lt "$rounds" ]; do
    "${MPIRUN:-mpirun}" -np "$ranks" "$clade" bench --mode train \
        --device "${DEVICE:-opencl}" --batch "$batch" --json | line clade
    "$python" "$peer" --ranks "$ranks" --batch "$batch" | line pytorch
    round=$((round + 1))
done | tee "$lines"
for who in clade pytorch; do
    printf 'median of %d: %-7s %8.2f images/s  %5.1f %%\n' "$rounds" "$who" \
        "$(median "$who" 2)" "$(median "$who" 4)"
done
