#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Look at pages of `clade report` in chromium: at two widths, in light and dark,
# nothing may stick out, and the keyboard must reach what scrolls.
# shellcheck source=tests/tested.sh
. "$SRCDIR/tests/tested.sh"
# shellcheck source=tests/tap.sh
. "$SRCDIR/tests/tap.sh"
if ! browser=$(command -v chromium); then
    echo '1..0 # SKIP there is no chromium'
    exit 0
fi
dir=$(mktemp -d "$PWD/page-test-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT

# report STATUS NAME: the line of one test; on failure also what was found.
report()
{
    tap_line "$1" "$2" || sed 's/^/# /' "$dir/out"
}

# What a page that has loaded says of itself, as data of its body.
cat >"$dir/script" <<'END'
<script>addEventListener("load", () => {
    const all = s => [...document.querySelectorAll(s)], say = document.body.dataset;
    const out = e => { const a = e.getBoundingClientRect();
        const b = e.ownerSVGElement.getBoundingClientRect();
        return a.left < b.left - 1 || a.right > b.right + 1; };
    say.wide = document.documentElement.scrollWidth > innerWidth ? "yes" : "no";
    say.texts = all("svg text").length;
    say.cut = all("svg text").filter(out).map(e => e.textContent).join("|");
    all("details").forEach(e => { e.open = true; });
    say.missed = all(".scroll").filter(
        e => { e.focus(); return document.activeElement !== e; }).length;
    say.broken = all("img").filter(e => !e.naturalWidth).length;
    say.back = getComputedStyle(document.body).backgroundColor;
});</script>
END

# look PAGE WIDTH SCHEME: load a page; $dir/out has what it says.
look()
{
    sed "/<\/head>/r $dir/script" "$1" >"$dir/looked.html"
    # 0 is dark, 1 is light
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu \
        --user-data-dir="$dir/browser" --window-size="$2,800" \
        --blink-settings=preferredColorScheme="$3" --dump-dom \
        "file://$dir/looked.html" 2>"$dir/err" |
        sed -n 's/.*<body \([^>]*\)>.*/\1/p' >"$dir/out"
}

# says TEXT NAME: one test; what the page said must have the text.
says()
{
    grep -q "$1" "$dir/out"
    report $? "$2"
}

has_device || device=cpu
for seed in 1 2; do
    "$CLADE" train --device "$device" --train-count 2 --test-count 2 --batch 2 \
        --epochs 1 --quiet --seed "$seed" --out "$dir/run$seed" >"$dir/out" 2>&1
done
"$CLADE" report "$dir/run1" --device "$device" --out "$dir/one.html" \
    >"$dir/out" 2>&1
report $? 'a report on one run'
"$CLADE" report "$dir/run1" "$dir/run2" --no-eval --out "$dir/two.html" \
    >"$dir/out" 2>&1
report $? 'a report on two runs'

for page in one two; do
    for width in 1280 400; do
        look "$dir/$page.html" "$width" 1
        says 'data-wide="no"' "$page, $width wide: nothing sticks out"
        says 'data-texts="[1-9].*data-cut=""' 'no text of a curve is cut off'
        says 'data-missed="0"' 'the keyboard reaches all that scrolls'
        says 'data-broken="0"' 'all images are shown'
        says 'data-back="rgb(255, 255, 255)"' 'its ground is light'
        look "$dir/$page.html" "$width" 0
        says 'data-back="rgb(21, 24, 27)"' 'or dark, as the user likes'
    done
done
echo "1..$number"
