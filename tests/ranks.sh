#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Several processes train together, by the MPI that clade was built with: the
# files do not depend on how many they are, and they end together.
# shellcheck source=tests/launched.sh
. "$SRCDIR/tests/launched.sh"

# ranks N ARG...: clade ARG... by N processes; returns their exit code.
ranks()
{
    n=$1
    shift
    timeout -k 10 600 "$MPIRUN" -np "$n" "$CLADE" "$@" >"$dir/out" 2>&1 \
        </dev/null
}

# train N FOLDER ARG...: train by N processes, or by none of MPI's if N is 0.
train()
{
    n=$1 folder=$2
    shift 2
    # shellcheck disable=SC2086 # one word an option
    if [ "$n" -eq 0 ]; then
        "$CLADE" train $small --out "$dir/$folder" "$@" >"$dir/out" 2>&1
    else
        ranks "$n" train $small --out "$dir/$folder" "$@"
    fi
}

# same A B NAME: one test; the files of two runs are the same.
same()
{
    diff -r "$dir/$1" "$dir/$2" >"$dir/diff" 2>&1
    report $? "$3" "$dir/diff"
}

# refused CODE TEXT N ARG...: one test; N processes end with CODE and say TEXT.
refused()
{
    code=$1 text=$2
    shift 2
    ranks "$@"
    got=$?
    [ "$got" -eq "$code" ] && grep -q "clade: .*$text" "$dir/out"
    report $? "exit $code (is $got), \"$text\": $*" "$dir/out"
}

train 0 plain --epochs 1
report $? 'one process trains' "$dir/out"
train 1 alone --epochs 1
report $? 'so it does under mpirun' "$dir/out"
same plain alone 'with the same files, byte for byte'

train 0 shares --epochs 2 --accumulate 2
report $? 'one process trains in two shares' "$dir/out"
train 2 ranks --epochs 1
report $? 'two processes train' "$dir/out"
train 1 ranks --epochs 2 --resume
report $? 'one of them goes on' "$dir/out"
same shares ranks 'with the same files, byte for byte'

options='--epochs 3 --augment flip,crop --eval-every 2 --early-stop 9 --save-best'
# shellcheck disable=SC2086 # one word an option
train 0 options $options --accumulate 2
report $? 'one process trains with more options' "$dir/out"
# shellcheck disable=SC2086
train 2 options-2 $options
report $? 'two processes do' "$dir/out"
same options options-2 'with the same files, byte for byte'

if has_device; then
    train 2 mixed --epochs 1 --device "$device,cpu" &&
        grep -q 'unlike devices' "$dir/out"
    report $? 'unlike devices train together, and shares by speed are proposed' \
        "$dir/out"
    train 2 auto --epochs 1 --device "$device,cpu" --shares auto &&
        grep -q 'shares 1,1, by the ms' "$dir/out"
    report $? 'shares are cut by speed' "$dir/out"
    same mixed auto 'here one image each, so with the same files'
fi

# shellcheck disable=SC2086
refused 2 '3 processes for 2 shares' 3 train $small --out "$dir/no" \
    --accumulate 2
# shellcheck disable=SC2086
refused 2 'holds another run' 2 train $small --out "$dir/shares"
refused 2 'runs in one process, but a launcher started 2' 2 devices
# shellcheck disable=SC2086
OCL_ICD_VENDORS=$dir/none refused 4 'has no OpenCL device' 2 train $small \
    --device auto --out "$dir/no"
# shellcheck disable=SC2086
refused 5 'diverged\|the loss of' 2 train $small --out "$dir/no" \
    --learning-rate 1000 --epochs 9
[ "$(grep -c 'the loss of' "$dir/out")" -eq 1 ]
report $? 'which one of them says' "$dir/out"
# shellcheck disable=SC2086
refused 5 'share [12] of 2, .* not finite; the first is' 2 train $small \
    --out "$dir/no" --learning-rate 1000 --epochs 9 --check-numerics

# Devices that check each other change nothing.
train 2 checked --epochs 2 --shadow 1
report $? 'two processes train and check each other' "$dir/out"
grep -q 'checked each other: 4; faults: 0; the largest D: 0$' "$dir/out"
report $? 'in all steps, and find no fault' "$dir/out"
same shares checked 'with the same files, byte for byte'
if has_device; then
    timeout -k 10 600 "$MPIRUN" -np 2 "$SRCDIR/tests/faulty.sh" 1 \
        "the last image adds nothing to a filter's gradient" \
        "$CLADE" train --device "$device" --train-count 10 --test-count 1 \
        --batch 2 --epochs 1 --algorithm direct --no-self-test --shadow 5 \
        --quiet --out "$dir/faulty" >"$dir/out" 2>&1 </dev/null
    got=$?
    [ "$got" -eq 6 ] &&
        grep -q 'share 0: rank 1 on .*: conv_bwd_filter .*(classifier), dw' \
            "$dir/out"
    report $? "a fault in the driver of rank 1 is named: code $got" "$dir/out"
fi
# shellcheck disable=SC2086
refused 2 'there is only one process' 1 train $small --out "$dir/no" --shadow 1
# shellcheck disable=SC2086
refused 2 'no step is to be checked' 2 train $small --out "$dir/no" \
    --shadow-warn
# What bench measures: rank 0's phases are its steps, and the rates of the ranks
# alone are what the efficiency is of.
measure="--device $device --no-self-test --batch 3 --steps 2"
# shellcheck disable=SC2086
timeout -k 10 600 "$MPIRUN" -np 2 "$CLADE" bench $measure --json \
    >"$dir/bench.json" 2>"$dir/err" </dev/null &&
    awk '
    /^ *[0-9][0-9.e-]*,?$/ { steps += $1; n++ }
    /"shares": "1,2"/ { shares++ }
    /"images_per_second":/ { rate = $2 + 0 }
    /"efficiency":/ { efficiency = $2 + 0 }
    /"host":/ { ranks++ }
    /"images":/ { images += $2 }
    /"alone_images_per_second":/ && !ranks { sum = $2 + 0 }
    /"alone_images_per_second":/ && ranks { alone += $2 }
    /"(compute|wait|copies|exchange|sum|update|new weights)":/ {
        count++
        phases += ranks == 1 ? $NF : 0
    }
    function near(a, b, by) { return a > b * (1 - by) && a < b * (1 + by) }
    END {
        exit !(n == 2 && ranks == 2 && count == 14 && images == 3 && shares &&
            near(phases, steps / n, 0.2) && near(alone, sum, 1e-6) &&
            near(efficiency, rate / sum, 1e-6))
    }' "$dir/bench.json"
report $? 'clade bench says where the time of two processes goes' \
    "$dir/bench.json"
sed 's/\("images_per_second": \).*/\11e9,/' "$dir/bench.json" >"$dir/fast.json"
# shellcheck disable=SC2086
refused 7 'images per second, where' 2 bench $measure \
    --compare "$dir/fast.json"
grep -q '^efficiency  *[0-9.]* % of that$' "$dir/out" &&
    grep -q '^new weights  *[0-9.]*  *[0-9.]*  *[0-9.]*$' "$dir/out" &&
    [ "$(grep -c '^ *[01]  *[12]  *[0-9.]*  .*: ' "$dir/out")" -eq 2 ]
report $? 'and prints the same as text' "$dir/out"
# shellcheck disable=SC2086
refused 3 'is of another shares' 2 bench $measure --shares 2,1 \
    --compare "$dir/bench.json"
# shellcheck disable=SC2086
refused 2 'several processes run --mode train, without' 2 bench $measure \
    --mode infer
# shellcheck disable=SC2086
refused 2 'several processes run --mode train, without' 2 bench $measure \
    --profile

# Kill one of two, once they train.
# shellcheck disable=SC2086
ranks 2 train $small --out "$dir/killed" --epochs 1000 &
waiting=$!
tries=0
while [ ! -f "$dir/killed/history.csv" ] && [ "$tries" -lt 300 ]; do
    sleep 1
    tries=$((tries + 1))
done
pkill -9 -n -f "out $dir/killed --epochs 1000"
began=$(date +%s)
wait "$waiting"
got=$?
took=$(($(date +%s) - began))
[ "$got" -ne 0 ] && [ "$took" -le 10 ]
report $? "if one is killed, all end: code $got after $took s" "$dir/out"
echo "1..$number"
