#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records: a device must agree with its own record and with Keras' in float64.
# Files that are not records, and records of other trainings, are refused with
# different exit codes.
# shellcheck source=tests/verify.sh
. "$SRCDIR/tests/verify.sh"
keras=$SRCDIR/tests/ref/keras-float64-b2-s5-seed1.json

plan 24
ends 0 'step 0 agrees with Keras in float64' --against "$keras" --quick
ends 0 'a record is written' --record "$work/own.json" --batch 1 --steps 1 \
    --seed 18446744073709551615
grep -q '"seed": 18446744073709551615,' "$work/own.json"
report $? 'with its seed, which is the largest possible'
ends 0 'and the device agrees with it' --against "$work/own.json" --quick
sed 's/\("seed": [0-9]*\)5,/\14,/' "$work/own.json" >"$work/other.json"
ends 6 "the device does not agree with another seed's record" \
    --against "$work/other.json" --quick --format tap
failed=$(grep -c '^not ok' "$work/out")
[ "$failed" -gt 0 ] && [ "$failed" = "$(grep -c '^  distance: ' "$work/out")" ]
report $? 'and each failure has its distance, in YAML'
sed 's/clade-record/clade-recipe/' "$work/own.json" >"$work/format.json"
ends 3 'another format is refused' --against "$work/format.json"
sed 's/googlenet-cifar10/lenet/' "$work/own.json" >"$work/net.json"
ends 3 'an unknown net is refused' --against "$work/net.json"
says "net.json: its net is 'lenet'" 'and the message names net and file'
head -c 2000 "$work/own.json" >"$work/short.json"
ends 3 'a missing file is refused' --against "$work/none.json"
ends 3 'half a file is refused' --against "$work/short.json"
sed 's,step0/activation/conv1,step0/activation/conv9,' "$work/own.json" \
    >"$work/tensor.json"
ends 3 'an unknown tensor is refused' --against "$work/tensor.json"
sed 's/"seed": 1/"seed": 9/' "$work/own.json" >"$work/seed.json"
ends 3 'a seed of more than 64 bits is refused' --against "$work/seed.json"

# spoilt KEY VALUE: write the record to spoilt.json, with VALUE in place of the
# first number after KEY.
spoilt()
{
    awk -v key="$1" -v value="$2" '
        !done && seen && sub(/-?[0-9][-+.0-9e]*/, value) { done = 1 }
        !done && index($0, key) {
            done = sub(/-?[0-9][-+.0-9e]*/, value)
            seen = 1
        }
        { print }' "$work/own.json" >"$work/spoilt.json"
}

spoilt '"losses"' null
ends 3 'a loss that is not a number is refused' --against "$work/spoilt.json"
says 'spoilt.json: a loss of step 0' 'and the message names it'
spoilt '"l2"' null
ends 3 'a norm that is not a number is refused' --against "$work/spoilt.json"
says 'spoilt.json: step0/activation/conv1 wants' 'and the message names it'
spoilt '"l2"' -1
ends 3 'a negative norm is refused' --against "$work/spoilt.json"
spoilt '"sum"' '"none"'
ends 3 'a sum that is not a number is refused' --against "$work/spoilt.json"
says 'spoilt.json: step0/activation/conv1 wants' 'and the message names it'
sed '/"sum"/d' "$work/own.json" >"$work/spoilt.json"
ends 3 'a missing sum is refused' --against "$work/spoilt.json"
sed '/"producer"/,/}/d' "$work/own.json" >"$work/spoilt.json"
ends 0 'the producer may be missing' --against "$work/spoilt.json" --quick
spoilt '"losses"' 9
ends 6 "other losses are too far away" --against "$work/spoilt.json" --quick
ends 6 'and still are if another suite passes' --against "$work/spoilt.json" \
    --quick --suite ops --case sgd:1x1x1x1:1x1/1:1x1x1:exact
