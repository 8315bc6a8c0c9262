# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Functions for scripts that test `clade verify` on the device under test.  The
# scripts source this file.  $work is a folder for their files.
# shellcheck source=tests/tested.sh
. "$SRCDIR/tests/tested.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/tap.sh
. "$SRCDIR/tests/tap.sh"

# plan TESTS: print the plan; skip the script if there is no device to test.
plan()
{
    need_device
    echo "1..$1"
}

# report STATUS WHY: the line of one test; on failure also what the last
# command printed.
report()
{
    tap_line "$1" "$2" ||
        grep -v '^ok' "$work/out" | tail -n 8 | sed 's/^/# /'
}

# ends CODE WHY ARGUMENT...: one test; verify with these arguments must end
# with CODE.
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

# says TEXT WHY: one test; the last command must have printed TEXT.
says()
{
    grep -q "$1" "$work/out"
    report $? "$2"
}
