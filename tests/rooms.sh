#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# CONTRIBUTING.md lists the files that name a kind of op.  Its lists must be
# true: no other source file names one, except in src/net, which uses ops; each
# family has all of its rooms; and each file listed elsewhere names a kind.
guide=$SRCDIR/CONTRIBUTING.md
words=rooms.$$
trap 'rm -f "$words"' EXIT
number=0

# report WHY BAD: a test, which passes if BAD is empty.
report()
{
    number=$((number + 1))
    if [ -z "$2" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        echo "$2" | sed 's/^/# /'
    fi
}

# The files listed under a heading of the guide, one a line.  Each entry of a
# list begins with its file in `...`.
files_of()
{
    awk -v heading="$1" '/^##/ { here = $0 == heading }
        here && /^- `/ { split($0, part, "`"); print part[2] }' "$guide"
}

# The file that the guide names in place of $1, if it names one.
instead_of()
{
    sed -n "s|^- \`\([^\`]*\)\`, for \`$1\`.*|\1|p" "$guide"
}

# Write a line for each file and word of its code; leave out comments.
# shellcheck disable=SC2016 # the $ are awk's
(cd "$SRCDIR" && find src include cl -name '*.[ch]' -o -name '*.cl') |
    (cd "$SRCDIR" && xargs awk '
    FNR == 1 { comment = 0 }
    {
        code = ""
        for (rest = $0; rest != ""; ) {
            i = index(rest, comment ? "*/" : "/*")
            if (!comment)
                code = code " " (i ? substr(rest, 1, i - 1) : rest)
            rest = i ? substr(rest, i + 2) : ""
            if (i)
                comment = !comment
        }
        n = split(code, word, /[^A-Za-z0-9_]+/)
        for (i = 1; i <= n; i++)
            if (word[i] != "")
                print FILENAME, word[i]
    }') | sort -u >"$words"

kinds=$(sed -n 's/^    O([A-Z_]*, *\([a-z_]*\),.*/\1/p' \
    "$SRCDIR/include/clade/ops.h")
rooms=$(files_of '## The rooms of a family')
elsewhere=$(files_of '## Lines elsewhere')

# The family of a kind: the file in src/op/ that defines the kind.
family_of()
{
    basename "$(grep -l "struct op_kind op_$1 = " "$SRCDIR"/src/op/*.c)" .c
}

# Every file that may name the kinds of a family.
allowed()
{
    echo "$rooms" | sed "s/FAMILY/$1/"
    files_of "### $1"
    echo "$elsewhere"
}

named_in()
{
    upper=CLADE_$(echo "$1" | tr '[:lower:]' '[:upper:]')
    awk -v a="$1" -v b="$upper" '$2 == a || $2 == b { print $1 }' "$words" |
        sort -u
}

families=
for kind in $kinds; do
    family=$(family_of "$kind")
    families="$families $family"
    list=$(allowed "$family")
    bad=$(named_in "$kind" | grep -v '^src/net/' | grep -vxF "$list")
    report "$kind is named in its rooms alone" "$bad"
done

families=$(echo "$families" | tr ' ' '\n' | sed '/^$/d' | sort -u)
for family in $families; do
    bad=
    for room in $(echo "$rooms" | sed "s/FAMILY/$family/") \
        $(files_of "### $family"); do
        other=$(instead_of "$room")
        file=${other:-$room}
        [ -f "$SRCDIR/$file" ] || bad="$bad $file is missing"
        grep -qF " $file" "$SRCDIR/Makefile.am" "$SRCDIR/cl/local.mk" ||
            bad="$bad $file is not built"
    done
    report "$family has all of its rooms" "$bad"
done

# Kinds, and the files of rooms: a file of `Lines elsewhere` must name one.
marks=$(for kind in $kinds; do
    echo "$kind"
    echo "CLADE_$kind" | tr '[:lower:]' '[:upper:]'
done
for family in $families; do
    echo "/$family."
done)
for file in $elsewhere; do
    code=$(awk -v f="$file" '$1 == f { print $2 }' "$words")
    if [ -n "$code" ]; then
        bad=$(echo "$code" | grep -qxF "$marks" || echo 'it names no kind')
    else
        bad=$(grep -qF "$marks" "$SRCDIR/$file" || echo 'it names no kind')
    fi
    report "$file needs a line for a kind" "$bad"
done

if [ "$number" -gt 0 ]; then
    echo "1..$number"
else
    echo 'Bail out! no kinds of op are listed'
fi
