#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two steps of the standard training beside the reference's, by the envelope
# that ships, and by one that is made here; what is no envelope is refused.
device=${CLADE_TEST_DEVICE:-opencl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# ends CODE WHY ARGUMENT...: verify with these arguments ends with CODE.
ends()
{
    code=$1 why=$2
    shift 2
    number=$((number + 1))
    "$CLADE" verify --device "$device" "$@" >"$work/out" 2>&1
    got=$?
    if [ "$got" -eq "$code" ]; then
        echo "ok $number - $why"
    else
        echo "not ok $number - $why"
        echo "# exit code $got, not $code"
        tail -n 8 "$work/out" | sed 's/^/# /'
    fi
}

# says TEXT WHY: the last command printed it.
says()
{
    number=$((number + 1))
    if grep -q "$1" "$work/out"; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        tail -n 8 "$work/out" | sed 's/^/# /'
    fi
}

"$CLADE" verify --device "$device" --suite ops --case \
    sgd:1x1x1x1:1x1/1:1x1x1:exact >"$work/out" 2>&1
if [ $? -eq 4 ]; then
    echo "1..0 # SKIP no device: $(grep '^clade:' "$work/out")"
    exit 0
fi
echo 1..8
ends 0 'two steps are within the envelope that ships' --suite train --quick
says '99 correct trainings reach' 'which has 99 runs'
ends 0 'an envelope is made' --make-envelope "$work/e.json" --batch 1 \
    --steps 1 --runs 3
ends 0 'and judged by' --suite train --batch 1 --steps 1 \
    --envelope "$work/e.json"
says '3 correct trainings reach' 'with its runs'
sed 's/\[0, "losses", "total", [0-9]*/&1/' "$work/e.json" >"$work/off.json"
ends 8 "another reference's centre is mistrusted" --suite train --batch 1 \
    --steps 1 --envelope "$work/off.json"
sed 's/clade-envelope/clade-antelope/' "$work/e.json" >"$work/format.json"
ends 3 'another format is refused' --suite train \
    --envelope "$work/format.json"
head -c 900 "$work/e.json" >"$work/short.json"
ends 3 'half a file is refused' --suite train --envelope "$work/short.json"
