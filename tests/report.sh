#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of `clade report`: what it has for whole, partial, strange and
# damaged runs.  tests/page.py judges each page.
# shellcheck source=tests/tested.sh
. "$SRCDIR/tests/tested.sh"
# shellcheck source=tests/command.sh
. "$SRCDIR/tests/command.sh"
unset CLADE_DEVICE
page=$dir/page.html

# fails CODE TEXT ARG...: one test; clade report ARG... must end with CODE, say
# TEXT, and leave no page.
fails()
{
    code=$1 text=$2
    shift 2
    rm -f "$page"
    ends "$code" report --out "$page" "$@" && [ ! -e "$page" ] &&
        grep -q "^clade: .*$text" "$dir/err"
    report $? "exit $code (is $got), \"$text\": clade report $*"
}

# writes ARG...: clade report ARG... must write a page, and say which.
writes()
{
    rm -f "$page"
    ends 0 report --out "$page" "$@" && [ "$(cat "$dir/out")" = "$page" ]
}

# has TEXT NAME: one test; the page must have the text.
has()
{
    grep -q -e "$1" "$page" 2>"$dir/err"
    report $? "$2"
}

# lacks TEXT NAME: one test; the page must be there and not have the text.
lacks()
{
    [ -s "$page" ] && ! grep -q -e "$1" "$page"
    report $? "$2"
}

# is_good WHAT: one test; the page must pass tests/page.py.
is_good()
{
    if command -v python3 >"$dir/out"; then
        python3 "$SRCDIR/tests/page.py" "$page" >"$dir/out" 2>"$dir/err"
        report $? "strict parsers and WCAG have nothing to say on $1"
    else
        number=$((number + 1))
        echo "ok $number # SKIP strict parsers on $1: there is no python3"
    fi
}

# ---- runs without a checkpoint -------------------------------------------------

header=epoch,loss,main_loss,main_accuracy,val_loss,val_main_loss
header=$header,val_main_accuracy

# made FOLDER LINE...: a folder with a history of these rows.
made()
{
    folder=$dir/$1
    shift
    mkdir -p "$folder"
    printf '%s\n' "$header" "$@" >"$folder/history.csv"
}

made one 0,2.5,2.5,0.1,2.4,2.4,0.2
writes "$dir/one"
report $? 'a run of one epoch without a checkpoint has a page'
is_good 'it'
has 'there is no checkpoint yet' 'which says that there is none'
has '<td class="n">0.2000 in epoch 1</td>' 'and has the figures'
has 'training: 2.5 at epoch 1, 2.5 at 1' 'and the curve in words'

made broken 0,2.5,2.5,0.1,2.4,2.4,0.2 1,nan,nan,0.1,inf,inf,0.1 2,,,,NA,NA,NA
writes "$dir/broken"
report $? 'so has one whose figures are NaN, infinite or absent'
is_good 'it'
has 'diverged: a figure of epoch 2 is no finite number' 'which says since when'
lacks '[MLHV][0-9. ]*\(nan\|inf\)' 'and no line goes there'

made none nan,nan,nan,nan,nan,nan,nan
fails 3 'none/history.csv: line 2: its epoch is out of order' "$dir/none"
made none 0,nan,nan,nan,nan,nan,nan
writes "$dir/none"
report $? 'and one that has no finite figure at all'
has 'no finite figures' 'and says so'
made huge 0,1e300,1e308,0,-1e308,1e300,1 1,1,1,1e-300,1,1,1
writes "$dir/huge"
report $? 'and one of huge figures'
is_good 'it'

rows=$(seq 0 999 | sed 's/$/,1,1,0.5,1,1,0.5/')
# shellcheck disable=SC2086 # a row a word
made long $rows
writes "$dir/long" && [ "$(wc -c <"$page")" -lt 400000 ]
report $? 'a page of a thousand epochs is small'

evil='<script src="http:a.invalid">alert(1)&"'
made "$evil" 0,2.5,2.5,0.1,2.4,2.4,0.2
printf '%s' '{"format": "clade-verify/1", "complete": true, "suite": "]]>",
    "devices": [{"device": {"platform": "<script>x", "name": "a\"&<b>"},
    "families": [{"family": "<i>", "cases": 2, "failed": 1, "worst": "NaN"}, 7],
    "verdicts": [{"outcome": "FAILED", "name": "<u>", "message": "--><p>"}]},
    null]}' >"$dir/$evil/verify.json"
writes "$dir/$evil"
report $? 'names that look like HTML are no obstacle'
lacks '<script\|<b>\|<i>\|<u>' 'and stay texts'
is_good 'them'
has '1 of 2 cases fail' 'what verify found is summed up'
bytes=$(printf '\377\001bytes')
made "$bytes" 0,2.5,2.5,0.1,2.4,2.4,0.2
writes "$dir/$bytes"
report $? 'a name that is no text is none either'
is_good 'it'

writes "$dir/one" "$dir/broken" "$dir/one"
report $? 'three runs share a page'
is_good 'it'
has 'validation of run C: 2.4 at epoch 1' 'with the curves of each'

"$CLADE" verify --device cpu --suite ops --quick --case softmax \
    --html "$page" --format json >"$dir/verify.json" 2>"$dir/err"
is_good 'the page of clade verify'

# ---- what is refused --------------------------------------------------------------

fails 2 'a RUN, the folder of a training, is required'
one=$dir/one
fails 2 '9 runs; a page can show 8' "$one" "$one" "$one" "$one" "$one" "$one" \
    "$one" "$one" "$one"
fails 3 'no/such/run: No such file' no/such/run
fails 3 'history.csv: is no folder' "$one/history.csv"
mkdir "$dir/empty"
fails 3 'empty: holds no training' "$dir/empty"
fails 3 'empty: holds no training' "$one" "$dir/empty"
rm -f "$dir/out"
"$CLADE" report "$one" --out "$dir/no/page.html" >"$dir/out" 2>"$dir/err"
[ $? -eq 1 ] && grep -q 'no/page.html' "$dir/err"
report $? 'a page that cannot be written: exit 1'

# damaged HISTORY TEXT: one test; the history, whose escapes are printf's, must
# be refused with the text.
mkdir "$dir/bad"
damaged()
{
    printf '%b' "$1" >"$dir/bad/history.csv"
    fails 3 "bad/history.csv: $2" "$dir/bad"
}
damaged '' 'line 1: does not name'
damaged 'loss,epoch\n1,2\n' 'line 1: does not name'
damaged 'epoch,loss\n0,1\0\n' 'line 1: does not name'
damaged 'epoch,loss\n0,1\n1,0.5' 'line 3: is cut short'
damaged 'epoch,loss\n0,1\n1\n' 'line 3: is not one number for each'
damaged 'epoch,loss\n0,1,2\n' 'line 2: is not one number for each'
damaged 'epoch,loss\n0,one\n' 'line 2: is not one number for each'
damaged 'epoch,loss\n0,1x\n' 'line 2: is not one number for each'
damaged 'epoch,loss\n1,1\n0,1\n' 'line 3: its epoch is out of order'
damaged 'epoch,loss\n0.5,1\n' 'line 2: its epoch is out of order'
damaged 'epoch,loss\n,1\n' 'line 2: its epoch is out of order'
rm "$dir/bad/history.csv"
mkfifo "$dir/bad/history.csv"
fails 3 'bad/history.csv: is no regular file' "$dir/bad"
rm "$dir/bad/history.csv"
echo 'no checkpoint' >"$dir/bad/checkpoint.safetensors"
fails 3 'bad/checkpoint.safetensors: ' "$dir/bad"
echo '{"format": "clade-verify/1", "devices": [' >"$dir/bad.json"
fails 3 'bad.json: line 2: ' "$one" --verify "$dir/bad.json"
echo '{"format": "clade-verify/2", "devices": []}' >"$dir/bad.json"
fails 3 'bad.json: is not what' "$one" --verify "$dir/bad.json"
fails 3 'no/verify.json: No such file' "$one" --verify "$dir/no/verify.json"

# ---- real runs --------------------------------------------------------------------

has_device || device=cpu
case $device in
cpu*) count=1 batch=1 ;;
*) count=3 batch=2 ;;
esac

# train FOLDER ARG...: train on a few images.
train()
{
    folder=$dir/$1
    shift
    "$CLADE" train --device "$device" --train-count "$count" --test-count 2 \
        --batch "$batch" --epochs 1 --quiet --out "$folder" "$@" \
        >"$dir/out" 2>"$dir/err"
}

train run
cp "$dir/verify.json" "$dir/run"
writes "$dir/run" --device "$device"
report $? "a run on $device has a page"
is_good 'it'
[ "$(sed -n 's/.*style="background:rgba([^>]*>\([0-9]*\)<.*/\1/p' "$page" |
    wc -l)" -gt 0 ]
report $? 'with a confusion matrix'
sum=$(grep -o 'background:rgba([^>]*>[0-9]*<' "$page" |
    sed 's/.*>\([0-9]*\)</\1/' | awk '{ sum += $1 } END { print sum }')
[ "$sum" = 2 ]
report $? "of all validation images: $sum"
has '<th scope="col">[a-z][a-z ]*</th><th scope="col">share right</th>' \
    'of classes that have names'
[ "$(grep -c 'src="data:image/bmp;base64,[A-Za-z0-9+/]*=*"' "$page")" -eq 2 ]
report $? 'and the images'
now=$(sed -n 's/.*evaluated now<\/th><td class="n">\([0-9.]*\)<.*/\1/p' "$page")
before=$(sed -n 's/.*r: validation accuracy, last<\/th><td class="n">//p' \
    "$page" | sed 's/ .*//')
[ -n "$now" ] && [ "$now" = "$before" ]
report $? "evaluated as when it was trained: $now, $before"
has '<th scope="row">maxpool_bwd</th><td class="n">13</td>' \
    'the time of a step is there by kinds of op'
if [ "$batch" -gt 1 ]; then
    has '<td>conv1/conv_fwd/[0-9]*</td>' 'and what was chosen'
fi
has 'all [0-9]* cases pass</span>' 'and what verify found'

writes "$dir/run" --device "$device" --no-profile
report $? 'times can be left out'
has 'No steps were measured (--no-profile)' 'and the page says so'
writes "$dir/run" --device nonesuch --no-eval
report $? 'no device is needed without evaluation'
is_good 'it'
has 'The network was not evaluated (--no-eval)' 'and the page says so'
fails 4 'nonesuch' "$dir/run" --device nonesuch
grep -q '^clade: --no-eval writes the page' "$dir/err"
report $? 'and that is said where the device is not there'

train other --seed 2 --accumulate "$batch"
writes "$dir/run" "$dir/other" --no-eval
report $? 'two runs share a page'
is_good 'it'
has '>seed <span class="mark">differs<' 'which says what differs'
lacks '>network <span class="mark">differs<' 'and nothing else'
if [ "$batch" -gt 1 ]; then
    has '>devices of the shares <' 'the devices of shares are listed'
fi

mkdir "$dir/moved"
sed 's/"device":"./"device":"!/' "$dir/run/checkpoint.safetensors" \
    >"$dir/moved/checkpoint.safetensors"
writes "$dir/run" "$dir/moved" --no-eval
report $? 'a checkpoint without a history has a page, too'
has '>device <span class="mark">differs<' 'and the devices of runs may differ'

# Records of CIFAR-10: black images of class 0, then one of class 1.
mkdir "$dir/images"
head -c $((count * 3073)) /dev/zero >"$dir/images/data_batch_1.bin"
head -c $((2 * 3073)) /dev/zero >"$dir/images/test_batch.bin"
train real --data "$dir/images"
writes "$dir/real" --device "$device" --no-profile
report $? 'a run on images from a folder has a page without them'
has 'trained on images from a folder. Name it with --data DIR' \
    'which says how to give them'
writes "$dir/real" --device "$device" --no-profile --data "$dir/images"
report $? 'and one with them'
lacks 'hash differs' 'which are those of the training'
printf '\001' | cat - "$dir/images/test_batch.bin" | head -c $((2 * 3073)) \
    >"$dir/changed"
mv "$dir/changed" "$dir/images/test_batch.bin"
writes "$dir/real" --device "$device" --no-profile --data "$dir/images"
report $? 'and one with others'
has 'not those of the training: their hash differs' 'which says so'
fails 3 'no/such/folder' "$dir/real" --data no/such/folder
head -c 5000 "$dir/run/checkpoint.safetensors" \
    >"$dir/real/checkpoint.safetensors"
fails 3 'real/checkpoint.safetensors: ' "$dir/real"
cp "$dir/run/checkpoint.safetensors" \
    "$dir/real/checkpoint.previous.safetensors"
writes "$dir/real" --no-eval
report $? 'if the newest checkpoint is damaged, the one before it is taken'
has 'newest checkpoint is missing or damaged' 'which the page says'
echo "1..$number"
