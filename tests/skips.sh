#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A device that is named and cannot be opened must fail the tests of the device,
# never skip them.
programs=$(cd "$SRCDIR" && grep -l 'tested_[a-z]*()' tests/*.c |
    grep -v 'tests/tested.c\|tests/mutants.c\|tests/caller')
scripts=$(cd "$SRCDIR" && grep -l 'need_device$\|^plan ' tests/*.sh)
number=0
CLADE_TEST_DEVICE='no such device'
export CLADE_TEST_DEVICE

# fails NAME COMMAND...: one test; the command must run no test that is not one
# of a failure.
fails()
{
    name=$1
    shift
    number=$((number + 1))
    if "$@" 2>&1 | awk '
        /^1\.\.0/ { skipped = 1 }
        /^Bail out!|^not ok/ { failed = 1 }
        END { exit skipped || !failed }'; then
        echo "ok $number - $name fails"
    else
        echo "not ok $number - $name fails"
    fi
}

for program in $programs; do
    fails "$program" "${program%.c}.t"
done
for script in $scripts; do
    case $script in
    */skips.sh | */tested.sh | */verify.sh) ;;
    *) fails "$script" sh "$SRCDIR/$script" ;;
    esac
done
echo "1..$number"
