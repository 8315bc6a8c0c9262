#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Hold the first OpenCL device to the limits of GPUs, and let it fail, with the
# layer of tests/limits.h.  doc/drivers.md says what this shows.
#
# CLADE_TEST_LIMITS names the parts to run, and CLADE_TEST_PROFILES the profiles;
# without them, all run.
set -u
parts=${CLADE_TEST_LIMITS:-layer halves memory train late faults}
profiles=${CLADE_TEST_PROFILES:-nvidia amd intel adreno mali apple minima}
layer=$PWD/tests/.libs/limits.so
small='--train-count 4 --test-count 2 --batch 2 --epochs 1 --quiet'
# Null execution computes nothing, which a self-test would find.
untested=--no-self-test
# Several programs share the processors; their threads must not wait busily.
export OMP_WAIT_POLICY=passive

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

# pass_on FILE [BEFORE]: the tests in a file, as tests of this script.  It is one
# more failure if they are not as many as planned.
pass_on()
{
    while read -r line; do
        case $line in
        'ok '* | 'not ok '*) result "${line%% [0-9]*}" "${2-}${line#* - }" ;;
        '#'* | Bail*) echo "# ${line#\# }" ;;
        esac
    done <"$1"
    if [ "$(sed -n 's/^1\.\.//p' "$1")" != \
        "$(grep -c -E '^(not )?ok ' "$1")" ]; then
        result 'not ok' "${2-}all tests have run" "$dir/out"
    fi
}

# relay WORDS PROGRAM: the tests of a TAP program.
relay()
{
    under "$1" "$2" >"$dir/tap" 2>"$dir/out"
    echo "exit $?" >>"$dir/out"
    pass_on "$dir/tap" "$1: "
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

# Every launch of training and inference, where no step may leave any without a
# flush; then every op, alone and in a step.
test_profiles()
{
    for profile in $profiles; do
        relay "$profile null late roomy" tests/limits-grids.t
        works "$profile" 'every op is right' verify --suite ops --quick
        works "$profile" 'every op of a step is right' verify --suite step \
            --batch 2
    done
}

# Half of the profiles beside the other half: much of what they do uses one
# processor.
test_halves()
{
    if [ -n "${CLADE_TEST_PROFILES-}" ]; then
        test_profiles
        return
    fi
    CLADE_TEST_LIMITS=profiles CLADE_TEST_PROFILES='amd adreno apple' \
        "$0" >"$dir/half" 2>&1 &
    profiles='nvidia intel mali minima' test_profiles
    wait
    pass_on "$dir/half"
}

# A batch that is too large for a device's memory, or for one buffer, is
# refused; the one that the message names is not.
test_memory()
{
    bench="bench $untested --algorithm direct --steps 1 --batch"
    # shellcheck disable=SC2086 # one word an option
    works 'intel null' '1024 images fit into several buffers' $bench 1024
    for profile in nvidia adreno mali apple minima; do
        # shellcheck disable=SC2086
        ends 4 "$profile null" $bench 1024
        fits=$(sed -n 's/.*a batch of \([0-9]*\) fits.*/\1/p' "$dir/out")
        # shellcheck disable=SC2086
        works "$profile null" "${fits:-no} images fit" $bench "$fits"
    done
}

# The default training, by what it chooses itself: on a GPU, `implicit`.  Its
# work-items are slow on a CPU.
test_train()
{
    works nvidia 'a step of 6 images trains' train --train-count 6 \
        --batch 6 --test-count 1 --epochs 1 --quiet --out "$dir/run"
}

# Launches that begin late must not change what is computed.
test_late()
{
    for words in nvidia 'nvidia late'; do
        works "$words" 'a small training ends' train --train-count 2 \
            --test-count 1 --batch 1 --epochs 1 --quiet --out "$dir/run"
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
        for n in 1 30 300 600 750; do
            ends 1 "null $fault=$n" train $small $untested \
                --algorithm direct --out "$dir/run"
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
    works null 'a training ends' train $small $untested --out "$dir/run"
    mv "$dir/run" "$dir/trained"
    ends 1 'null lost=30' eval --checkpoint "$dir/trained"/*.safetensors \
        $untested --test-count 6
    ends 1 'null lost=30' bench $untested --batch 8
}

if ! "$CLADE" devices | grep -q '^opencl:0:0 '; then
    echo '1..0 # SKIP no OpenCL device'
    exit 0
fi
for part in $parts; do
    "test_$part"
done
echo "1..$number"
