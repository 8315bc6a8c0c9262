#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The code must keep its structure: no file of src/ may, through others, call or
# include itself; no file may be longer than 500 lines, no function longer than
# 60; a message of the library may not name an option of the command.  Calls are
# read from the object files of the build folder, which is the current one.
LC_ALL=C
export LC_ALL
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
number=0

# report NAME: one test; it fails if $dir/wrong is not empty, and prints that.
report()
{
    number=$((number + 1))
    if [ -s "$dir/wrong" ]; then
        echo "not ok $number - $1"
        sed 's/^/# /' "$dir/wrong"
    else
        echo "ok $number - $1"
    fi
}

# lacks COMMAND...: print the first that is missing; fail if none is.
lacks()
{
    for command in "$@"; do
        if ! command -v "$command" >"$dir/found"; then
            echo "$command"
            return
        fi
    done
    return 1
}

# no_circles NAME FUNCTION [COMMAND...]: one test; the lines "user used" that
# FUNCTION prints must be free of circles.  It needs the COMMANDs.
no_circles()
{
    name=$1 pairs=$2
    shift 2
    if missing=$(lacks tsort "$@"); then
        number=$((number + 1))
        echo "ok $number # SKIP $name: there is no $missing"
        return
    fi
    "$pairs" >"$dir/edges"
    tsort "$dir/edges" 2>&1 >"$dir/order" |
        sed 's/^tsort: //; s/^.*input contains a loop:$/a circle:/' \
            >"$dir/wrong"
    edges=$(wc -l <"$dir/edges")
    [ "$edges" -gt 0 ] || echo 'nothing was found to check' >"$dir/wrong"
    report "$name (pairs of files: $((edges)))"
}

# Print "src/cpu/conv.c OBJECT" for each object file of src/.  Automake puts the
# name of the program or library before the name of the source, and libtool
# puts objects into .libs.
objects()
{
    find src -name '*.o' | while read -r object; do
        base=${object##*/}
        folder=${object%/*}
        source=${folder%/.libs}/$(basename "${base#*-}" .o).c
        [ ! -f "$SRCDIR/$source" ] || echo "$source $object"
    done
}

# Print "user definer" for each symbol that code of one file of src/ uses and
# another file defines.  What only a table points at is not used by code: a list
# of all ops, say, names their functions and calls none.
calls()
{
    objects | while read -r source object; do
        nm -P -g "$object" | sed "s,^,defines $source ,"
        objdump -r "$object" | sed "s,^,uses $source ,"
    done | awk '
        $1 == "defines" && $4 !~ /^[UwvC]$/ { definer[$3] = $2 }
        $1 == "uses" && $3 == "RELOCATION" { code = $6 ~ /^\[\.text/ }
        $1 == "uses" && NF == 5 && code {
            sub(/[-+]0x[0-9a-f]+$/, "", $5)
            used[$2 " " $5] = 1
        }
        END {
            for (key in used) {
                split(key, part, " ")
                if (part[2] in definer && definer[part[2]] != part[1])
                    print part[1], definer[part[2]]
            }
        }' | sort -u
}

# Print "user used" for each header that a file of src/ or include/ includes.
includes()
{
    (cd "$SRCDIR" && find src include -name '*.[ch]') | while read -r file; do
        sed -n 's/^# *include *["<]\([^">]*\)[">].*/\1/p' "$SRCDIR/$file" |
            while read -r header; do
                for path in "${file%/*}/$header" "src/$header" \
                    "include/$header"; do
                    [ -f "$SRCDIR/$path" ] || continue
                    echo "$file $path"
                    break
                done
            done
    done | sort -u
}

# Print the files whose length is judged.  tests/home belongs to the drivers, and
# protoc-c makes the files *.pb-c.*.
sources()
{
    (cd "$SRCDIR" && find src include cl tests -path tests/home -prune -o \
        -name '*.pb-c.*' -o \( -name '*.[ch]' -o -name '*.cl' \) -print) |
        sort
}

# Print the files with more than 500 lines.
long_files()
{
    sources | while read -r file; do
        lines=$(wc -l <"$SRCDIR/$file")
        [ "$lines" -le 500 ] || echo "$file: $((lines)) lines"
    done
}

# Print the functions with more than 60 lines, braces included.  The body of a
# function begins and ends with a brace that stands alone at the line's start.
long_functions()
{
    sources | while read -r file; do
        awk -v file="$file" '
            /^[A-Za-z_].*\(/ { name = $0 }
            /^\{$/ { start = FNR }
            /^\}$/ && start {
                if (FNR - start + 1 > 60)
                    print file ":" start ": " FNR - start + 1 " lines: " name
                start = 0
            }' "$SRCDIR/$file"
    done
}

# Print the texts of the library that hold an option of the command.
messages_with_options()
{
    (cd "$SRCDIR" && find src -name '*.[ch]' ! -path 'src/tool/*' -exec \
        grep -n '"[^"]*--[a-z][^"]*"' {} +)
}

echo 1..5
no_circles 'no circle of calls among the files of src/' calls nm objdump
no_circles 'no circle of includes among the files of src/' includes
long_files >"$dir/wrong"
report 'no file has more than 500 lines'
long_functions >"$dir/wrong"
report 'no function has more than 60 lines'
messages_with_options >"$dir/wrong"
report 'no message of the library names an option of the command'
