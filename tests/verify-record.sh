#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records: a device agrees with its own and with Keras' in float64, and what
# is no record, or another training's, is told apart by the exit code.
# shellcheck source=tests/verify.sh
. "$SRCDIR/tests/verify.sh"
keras=$SRCDIR/tests/ref/keras-float64-b2-s5-seed1.json

plan 27
ends 0 'step 0 agrees with float64 Keras' --against "$keras" --quick
ends 0 'a record is written' --record "$work/own.json" --batch 1 --steps 1 \
    --seed 18446744073709551615
grep -q '"seed": 18446744073709551615,' "$work/own.json"
report $? 'with its seed, the largest that there is'
ends 0 'and agreed with' --against "$work/own.json" --quick
sed 's/\("seed": [0-9]*\)5,/\14,/' "$work/own.json" >"$work/other.json"
ends 6 "another seed's record is not" --against "$work/other.json" \
    --quick --format tap
failed=$(grep -c '^not ok' "$work/out")
[ "$failed" -gt 0 ] && [ "$failed" = "$(grep -c '^  distance: ' "$work/out")" ]
report $? 'and each failure has its distance in YAML'
sed 's/clade-record/clade-recipe/' "$work/own.json" >"$work/format.json"
ends 3 'another format is refused' --against "$work/format.json"
sed 's/googlenet-cifar10/lenet/' "$work/own.json" >"$work/net.json"
ends 3 'an unknown net is refused' --against "$work/net.json"
says "net.json: its net is 'lenet'" 'and named, as is the file'
head -c 2000 "$work/own.json" >"$work/short.json"
ends 3 'a missing file is refused' --against "$work/none.json"
ends 3 'half a file is refused' --against "$work/short.json"
sed 's,step0/activation/conv1,step0/activation/conv9,' "$work/own.json" \
    >"$work/tensor.json"
ends 3 'an unknown tensor is refused' --against "$work/tensor.json"
sed 's/"seed": 1/"seed": 9/' "$work/own.json" >"$work/seed.json"
ends 3 'a seed of more than 64 bits is refused' --against "$work/seed.json"

ends 0 'a seed of 2^63' --record "$work/half.json" --batch 1 --steps 1 \
    --seed 9223372036854775808
sed -e 's/"seed": /"seed":/' -e '/"producer"/,/}/d' "$work/half.json" \
    >"$work/bare.json"
ends 0 'is read, also without a space before it, and without a maker' \
    --against "$work/bare.json" --quick

# spoilt KEY VALUE: the record with the first number behind KEY replaced.
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
ends 3 'a loss that is no number is refused' --against "$work/spoilt.json"
says 'spoilt.json: a loss of step 0' 'and named'
spoilt '"l2"' null
ends 3 'a norm that is no number is refused' --against "$work/spoilt.json"
says 'spoilt.json: step0/activation/conv1 wants' 'and named'
spoilt '"l2"' -1
ends 3 'a negative norm is refused' --against "$work/spoilt.json"
spoilt '"sum"' '"none"'
ends 3 'a sum that is no number is refused' --against "$work/spoilt.json"
says 'spoilt.json: step0/activation/conv1 wants' 'and named'
sed '/"sum"/d' "$work/own.json" >"$work/spoilt.json"
ends 3 'a sum that is missing is refused' --against "$work/spoilt.json"
spoilt '"samples"' 99999999
ends 3 'a sample beyond its tensor is refused' --against "$work/spoilt.json"
says 'spoilt.json: step0/activation/conv1 wants samples' 'and named'
spoilt '"losses"' 9
ends 6 "another's losses are outside" --against "$work/spoilt.json" --quick
ends 6 'and stay so beside a suite that passes' --against "$work/spoilt.json" \
    --quick --suite ops --case sgd:1x1x1x1:1x1/1:1x1x1:exact
