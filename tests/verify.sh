# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For scripts that test `clade verify`, which read this first: a folder, $work,
# and a line of TAP for each run of the command on the device under test.
device=${CLADE_TEST_DEVICE:-opencl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# plan LINES: so many are to come, or none, for want of the device.
plan()
{
    "$CLADE" verify --device "$device" --suite ops --case \
        sgd:1x1x1x1:1x1/1:1x1x1:exact >"$work/out" 2>&1
    if [ $? -eq 4 ]; then
        echo "1..0 # SKIP no device: $(grep '^clade:' "$work/out")"
        exit 0
    fi
    echo "1..$1"
}

# report STATUS WHY: one line, and what the last command printed on failure.
report()
{
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        grep -v '^ok' "$work/out" | tail -n 8 | sed 's/^/# /'
    fi
}

# ends CODE WHY ARGUMENT...: verify with these arguments ends with CODE.
ends()
{
    code=$1 why=$2
    shift 2
    "$CLADE" verify --device "$device" "$@" >"$work/out" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || echo "# exit code $got, not $code"
    [ "$got" -eq "$code" ]
    report $? "$why"
}

# says TEXT WHY: the last command printed it.
says()
{
    grep -q "$1" "$work/out"
    report $? "$2"
}
