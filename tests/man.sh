#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The man page must name every command and every option that --help lists.
page=$(sed 's/\\-/-/g; s/\\f.//g' "$SRCDIR/doc/clade.1")
commands=$("$CLADE" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
number=0

# named TEXT WHY: one test; the page must have the word TEXT.
named()
{
    number=$((number + 1))
    if echo "$page" | grep -Eq -- "(^|[^a-z-])$1([^a-z-]|\$)"; then
        echo "ok $number - the man page has $2"
    else
        echo "not ok $number - the man page has $2"
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
if [ "$number" -gt 0 ]; then
    echo "1..$number"
else
    echo 'Bail out! clade --help lists no command'
fi
