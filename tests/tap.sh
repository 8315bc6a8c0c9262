# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The lines of TAP that scripts print.  They source this file.
number=0

# tap_line STATUS NAME: the line of one test; returns STATUS.
tap_line()
{
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
    fi
    return "$1"
}
