#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Train beside the reference: two steps with the envelope that ships, and one
# step with an envelope that is made here.  Files that are not envelopes must
# be refused.
# shellcheck source=tests/verify.sh
. "$SRCDIR/tests/verify.sh"

# The envelope that ships was made without transforms.  Algorithms that have
# them are noisier, and get an envelope of their own.
case $device in
cpu*) direct= ;;
*) direct='--algorithm direct' ;;
esac

plan 9
# shellcheck disable=SC2086 # two words or none
ends 0 'two steps are within the envelope that ships' --suite train --quick \
    $direct
says '99 correct trainings reach' 'which has 99 runs'
ends 0 'so are two steps by the algorithms that are chosen, within theirs' \
    --suite train --quick
ends 0 'an envelope is made' --make-envelope "$work/e.json" --batch 2 \
    --steps 1 --runs 7
ends 0 'and a training is judged by it' --suite train --batch 2 --steps 1 \
    --envelope "$work/e.json"
says '7 correct trainings reach' 'with its 7 runs'
sed 's/\[0, "losses", "total", [0-9]*/&1/' "$work/e.json" >"$work/off.json"
ends 8 "another reference's centre is mistrusted" --suite train --batch 2 \
    --steps 1 --envelope "$work/off.json"
sed 's/clade-envelope/clade-antelope/' "$work/e.json" >"$work/format.json"
ends 3 'another format is refused' --suite train \
    --envelope "$work/format.json"
head -c 900 "$work/e.json" >"$work/short.json"
ends 3 'half a file is refused' --suite train --envelope "$work/short.json"
