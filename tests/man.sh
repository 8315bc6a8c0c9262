#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The man page must name every command and every option that --help lists.  The
# library's pages must have the prototype of every function of its headers.
# mandoc must have nothing to say on how they are written.
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
# words TOPIC: the words that a topic explains.
words()
{
    "$CLADE" help "$1" | sed -n 's/^  \([^ ]*\)  .*/\1/p' | sort -u
}
for word in $(words environment) $(words files); do
    named "$word" "$word, which clade help explains"
done
for code in $(words exit-codes); do
    named "It $code" "the exit code $code"
done
if [ "$number" -eq 0 ]; then
    echo 'Bail out! clade --help lists no command'
    exit
fi
lint "$page"

# What a header declares, and what its page says in the synopsis: prototypes
# without blanks, sorted.
declared()
{
    grep -v '^#' "$1" | tr '\n' ' ' | grep -o 'CLADE_API [^;]*;' |
        sed 's/CLADE_API//; s/ //g' | sort
}
written()
{
    awk '/^\.(Ft|Fo|Fa|Fc)/ {
        macro = $1
        sub(/^\.F[a-z] */, "")
        gsub(/["  ]/, "")
        if (macro == ".Fa")
            text = text (text ~ /\($/ ? "" : ",")
        text = text $0 (macro == ".Fo" ? "(" : "")
        if (macro == ".Fc") {
            print text ");"
            text = ""
        }
    }' "$1" | sort
}

for header in "$SRCDIR"/include/clade/*.h; do
    name=clade_$(basename "$header" .h)
    page=doc/$name.3
    [ -f "$page" ] || page=$SRCDIR/doc/$name.3
    number=$((number + 1))
    prototypes=$(declared "$header")
    if [ -n "$prototypes" ] && [ "$prototypes" = "$(written "$page")" ]; then
        echo "ok $number - $name(3) has every prototype of its header"
    else
        echo "not ok $number - $name(3) has every prototype of its header"
        echo "# written in $page:"
        written "$page" | sed 's/^/# /'
    fi
    lint "$page"
done
echo "1..$number"
