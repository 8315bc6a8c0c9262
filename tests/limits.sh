#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Hold the first OpenCL device to the limits of GPUs, and let it fail, with the
# layer of tests/limits.h.  doc/drivers.md says what this shows.
#
# CLADE_TEST_LIMITS names the parts to run; without it, all run.
set -u
parts=${CLADE_TEST_LIMITS:-layer grids memory ops step train late faults}
profiles='nvidia amd intel adreno mali apple minima'
layer=$PWD/tests/.libs/limits.so
small='--train-count 12 --test-count 6 --batch 8 --epochs 1 --quiet'

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
number=0

# result ok|'not ok' NAME [FILE]: the line of one test; for a failure also the
# end of a file.
result()
{
    number=$((number + 1))
    echo "$1 $number - $2"
    if [ "$1" != ok ] && [ -n "${3-}" ]; then
        tail -n 12 "$3" | sed 's/^/# /'
    fi
}

# under WORDS COMMAND...: run a command with the layer.  What hangs is ended,
# with exit code 124.
under()
{
    words=$1
    shift
    OPENCL_LAYERS=$layer CLADE_LIMITS=$words timeout -k 60 600 "$@"
}

# relay WORDS PROGRAM: pass on the tests of a TAP program, as tests of this one.
relay()
{
    under "$1" "$2" >"$dir/tap" 2>"$dir/out"
    echo "exit $?" >>"$dir/out"
    while read -r line; do
        case $line in
        'ok '* | 'not ok '*) result "${line%% [0-9]*}" "$1: ${line#* - }" ;;
        '#'* | Bail*) echo "# ${line#\# }" ;;
        esac
    done <"$dir/tap"
    if [ "$(sed -n 's/^1\.\.//p' "$dir/tap")" != \
        "$(grep -c -E '^(not )?ok ' "$dir/tap")" ]; then
        result 'not ok' "$1: $2 runs to its end" "$dir/out"
    fi
}

# clade WORDS COMMAND ARGUMENT...: returns the exit code; what the command says
# is in $dir/out.
clade()
{
    with=$1 command=$2
    shift 2
    rm -rf "$dir/run"
    under "$with" "$CLADE" "$command" --device opencl:0:0 "$@" \
        >"$dir/out" 2>&1
}

# works WORDS WHY COMMAND ARGUMENT...: one test; the command must succeed.
works()
{
    words=$1 why=$2
    shift 2
    if clade "$words" "$@"; then
        result ok "$words: $why"
    else
        echo "exit $?" >>"$dir/out"
        result 'not ok' "$words: $why" "$dir/out"
    fi
}

# ends CODE WORDS COMMAND ARGUMENT...: one test; the command must end with one
# of these exit codes, and a message.
ends()
{
    codes=$1 words=$2
    shift 2
    clade "$words" "$@"
    code=$?
    name="$words: $1 ends with a message and exit code $code"
    if echo " $codes " | grep -q " $code " && grep -q '^clade: ' "$dir/out"; then
        result ok "$name"
    else
        result 'not ok' "$name, not $codes" "$dir/out"
    fi
}

# ---- the parts ---------------------------------------------------------------

# What the layer answers, refuses and does, is seen without the library.  In null
# execution, no driver refuses anything in its place.
test_layer()
{
    for profile in $profiles; do
        relay "$profile" tests/limits-layer.t
        relay "$profile null" tests/limits-layer.t
    done
    for mode in null late refuse=2 fail=2 lost=2; do
        relay "$mode" tests/limits-layer.t
    done
}

# Every launch of training and inference; no step may leave any without a flush.
test_grids()
{
    for profile in $profiles; do
        relay "$profile null late roomy" tests/limits-grids.t
    done
}

# A batch that is too large for a device's memory, or for one buffer, is
# refused; the one that the message names is not.
test_memory()
{
    bench='bench --algorithm direct --steps 1 --batch'
    # shellcheck disable=SC2086 # one word an option
    works 'intel null' '1024 images fit into several buffers' $bench 1024
    for profile in nvidia adreno mali apple minima; do
        # shellcheck disable=SC2086
        ends 4 "$profile null" $bench 1024
        fits=$(sed -n 's/.*(--batch \([0-9]*\)).*/\1/p' "$dir/out")
        # shellcheck disable=SC2086
        works "$profile null" "${fits:-no} images fit" $bench "$fits"
    done
}

test_ops()
{
    for profile in $profiles; do
        works "$profile" 'every op is right' verify --suite ops --quick
    done
}

test_step()
{
    for profile in $profiles; do
        works "$profile" 'every op of a step is right' verify --suite step \
            --batch 2
    done
}

# The default training, by what it chooses itself: on a GPU, CLBlast's products,
# each of which is tried first.
test_train()
{
    works nvidia 'a step of 32 images trains' train --train-count 32 \
        --test-count 1 --epochs 1 --quiet --out "$dir/run"
}

# Launches that begin late must not change what is computed.
test_late()
{
    # shellcheck disable=SC2086 # one word an option
    for words in nvidia 'nvidia late'; do
        works "$words" 'a small training ends' train $small --out "$dir/run"
        mv "$dir/run" "$dir/$words"
    done
    if diff -r "$dir/nvidia" "$dir/nvidia late" >"$dir/out" 2>&1; then
        result ok 'its files are the same, byte for byte'
    else
        result 'not ok' 'its files are the same, byte for byte' "$dir/out"
    fi
}

# says TEXT: one more test of the last command.
says()
{
    if grep -q "$1" "$dir/out"; then
        result ok "and it says \"$1\""
    else
        result 'not ok' "and it says \"$1\"" "$dir/out"
    fi
}

# Faults at the start, in the first step, in the second and in the test.
test_faults()
{
    # shellcheck disable=SC2086 # one word an option
    for fault in refuse fail lost; do
        for n in 1 30 300 700 1100; do
            ends 1 "null $fault=$n" train $small --algorithm direct \
                --out "$dir/run"
        done
    done
    says 'failed on' # not only which op was refused after that
    softmax='--suite ops --quick --case softmax'
    # shellcheck disable=SC2086
    works '' 'softmax is right' verify $softmax
    # shellcheck disable=SC2086
    for fault in refuse fail lost; do
        ends 6 "$fault=5" verify $softmax
    done
    # shellcheck disable=SC2086
    works null 'a training ends' train $small --out "$dir/run"
    mv "$dir/run" "$dir/trained"
    ends 1 'null lost=30' eval --checkpoint "$dir/trained"/*.safetensors \
        --test-count 6
    ends 1 'null lost=30' bench --batch 8
}

if ! "$CLADE" devices | grep -q '^opencl:0:0 '; then
    echo '1..0 # SKIP no OpenCL device'
    exit 0
fi
for part in $parts; do
    "test_$part"
done
echo "1..$number"
