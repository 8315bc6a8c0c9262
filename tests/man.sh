#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The man page must name every command and every option that --help lists, and
# mandoc must have nothing to say on how it is written.
page=$SRCDIR/doc/clade.1
text=$(sed 's/Fl -/--/g' "$page")
commands=$("$CLADE" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
number=0

# named TEXT WHY: one test; the page must have the word TEXT.
named()
{
    number=$((number + 1))
    if echo "$text" | grep -Eq -- "(^|[^a-z-])$1([^a-z-]|\$)"; then
        echo "ok $number - the man page has $2"
    else
        echo "not ok $number - the man page has $2"
    fi
}

# lint PAGE: one test; `mandoc -Tlint` prints nothing.
lint()
{
    number=$((number + 1))
    name="mandoc has nothing to say on $(basename "$1")"
    if ! command -v mandoc >/dev/null; then
        echo "ok $number - $name # SKIP mandoc is not installed"
    elif said=$(mandoc -Tlint "$1" 2>&1) && [ -z "$said" ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        echo "$said" | sed 's/^/# /'
    fi
}

for command in $commands; do
    named "$command" "the command $command"
    options=$("$CLADE" help "$command" |
        sed -n 's/^ *\(--[a-z-]*\).*/\1/p' | sort -u)
    for option in $options; do
        named "$option" "$option of $command"
    done
done
if [ "$number" -eq 0 ]; then
    echo 'Bail out! clade --help lists no command'
    exit
fi
lint "$page"
echo "1..$number"
