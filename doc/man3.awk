# SPDX-License-Identifier: Apache-2.0
# Make the man page of a public header:
#
#     awk -v date='November 26, 2026' -f man3.awk include/clade/net.h
#
# The header's second comment says in one line what it is for.  A comment above
# declarations describes them; one that stands alone is a paragraph.  In a
# comment, lines that are indented or have columns stay as they are.

{ line[++lines] = $0 }

BEGIN { CALL = "^[(]?[A-Za-z_0-9]+[(][)]" }

END {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.h$/, "", name)
    for (at = 1; at <= lines; at++)
        read_line()
    end_group()
    print_page()
}

# ---- reading ------------------------------------------------------------------

# Read what begins at line[at]; leave `at` at its last line.
function read_line(text)
{
    text = line[at]
    if (text ~ /^\/\*/)
        read_comment()
    else if (text ~ /^(CLADE_API|struct|enum|typedef)/ || is_macro(text))
        read_declaration()
    else if (text ~ /^#include <clade/) {
        gsub(/.*\/|\.h>/, "", text)
        see_also = see_also " ,\n.Sy clade_" text " Ns (3)"
    } else if (text == "")
        end_group()
}

function is_macro(text)
{
    return text ~ /^#define / && text !~ /_H$/ && text !~ /CLADE_API/
}

function read_comment(text, last)
{
    text = ""
    do {
        last = line[at] ~ /\*\//
        text = text plain(line[at]) "\n"
    } while (!last && at++ < lines)
    if (text ~ /SPDX|clang-format/)
        return
    if (summary == "") {
        summary = text
        sub(/\.?\n$/, "", summary)
        return
    }
    end_group()
    comment = text
}

# A line of a comment without its stars.
function plain(text)
{
    sub(/^ *\/?\*+ ?\/?/, "", text)
    sub(/ *\*\/$/, "", text)
    return text
}

function read_declaration(text)
{
    text = line[at]
    while (!is_whole(text) && at < lines)
        text = text "\n" line[++at]
    declaration[++declared] = text
}

function is_whole(text)
{
    if (text ~ /^#/)
        return text !~ /\\$/
    if (text ~ /\{/)
        return text ~ /\}[^\n]*;[^\n]*$/
    return text ~ /;$/
}

# ---- the description ----------------------------------------------------------

# A group is a comment and the declarations below it.
function end_group(i)
{
    if (!declared && comment != "") {
        want_list(0)
        add_text(comment)
    }
    if (declared) {
        want_list(1)
        add_tag()
        if (comment != "")
            add_text(comment)
        for (i = 1; i <= declared; i++)
            add_details(declaration[i])
    }
    comment = ""
    declared = 0
}

function add(text)
{
    body = body text "\n"
}

# Between entries of a list, or in text of its own.
function want_list(wanted)
{
    if (wanted && !listing)
        add(".Bl -tag -width Ds")
    else if (!wanted && listing)
        add(".El")
    if (!wanted)
        add(".Pp")
    listing = wanted
}

function add_tag(i, tag)
{
    tag = ".It"
    for (i = 1; i <= declared; i++)
        tag = tag (i > 1 ? " , " : " ") tag_of(declaration[i])
    add(tag)
}

function tag_of(text, word)
{
    if (text ~ /^CLADE_API/) {
        add_function(text)
        return "Fn " function_name(text)
    }
    split(text, word, /[ \n(;{]+/)
    if (text ~ /^#/)
        return "Dv " word[2]
    if (text ~ /^typedef/ && text !~ /\{/)
        return "Vt " word[4]
    return "Vt " (word[1] == "typedef" ? word[2] : word[1]) " " \
        word[word[1] == "typedef" ? 3 : 2]
}

function add_details(text)
{
    if (text ~ /^CLADE_API/ || (text ~ /^(typedef|struct)/ && text !~ /\{/))
        return
    if (text ~ /^#define [A-Z_]+ [^ \n]+$/) {
        sub(/.* /, "", text)
        add_text("Its value is " text ".")
    } else if (text ~ /\n *#|^#|^[^\n]*\}/)
        add_literal(text)
    else
        add_members(text)
}

# The members of a struct or an enum, each with its comment.  A comment on a line
# of its own is of the member below it.
function add_members(text, n, row, i, code, note, inside, above)
{
    n = split(text, row, "\n")
    if (comment != "")
        add(".Pp")
    add(".Bl -tag -width Ds -compact")
    above = ""
    for (i = 2; i < n; i++) {
        code = row[i]
        note = ""
        if (inside) {
            code = ""
            note = plain(row[i])
        } else if (match(row[i], / *\/\*/)) {
            code = substr(row[i], 1, RSTART - 1)
            note = plain(substr(row[i], RSTART + RLENGTH))
            alone = code == ""
        }
        if (row[i] ~ /\/\*/ || inside)
            inside = row[i] !~ /\*\//
        gsub(/^ +| +$/, "", note)
        if (alone) {
            above = above (above == "" ? "" : "\n") note
            alone = inside
            continue
        }
        gsub(/^ +|[ ;,]+$/, "", code)
        if (code != "") {
            end_member()
            member = code
            member_note = above
            above = ""
        }
        if (note != "")
            member_note = member_note (member_note == "" ? "" : "\n") note
    }
    end_member()
    add(".El")
}

function end_member()
{
    if (member == "")
        return
    add(".It Va " quoted(member))
    if (member_note != "")
        add_text(member_note)
    member = ""
}

function quoted(text)
{
    gsub(/\\/, "\\e", text)
    return "\"" text "\""
}

# ---- text -----------------------------------------------------------------------

# Paragraphs; those with columns stay as they are.
function add_text(text, n, row, i, paragraph, first, column)
{
    n = split(text, row, "\n")
    row[n + 1] = ""
    first = 1
    paragraph = ""
    for (i = 1; i <= n + 1; i++) {
        if (row[i] != "") {
            paragraph = paragraph (paragraph == "" ? "" : "\n") row[i]
            continue
        }
        if (paragraph == "")
            continue
        if ((column = column_of(paragraph)))
            add_columns(paragraph, column)
        else if (is_literal(paragraph))
            add_literal(paragraph)
        else {
            if (!first)
                add(".Pp")
            add_sentences(paragraph)
        }
        first = 0
        paragraph = ""
    }
}

# Where the second column of a list begins, whose first has one word; 0: it is no
# list.
function column_of(text, n, row, i, column)
{
    n = split(text, row, "\n")
    if (!match(row[1], /^ *[A-Za-z_.]+  +/))
        return 0
    column = RLENGTH + 1
    for (i = 1; i <= n; i++)
        if (substr(row[i], 1, column - 1) !~ /^ *([A-Za-z_.]+ +)?$/ ||
            substr(row[i], column) ~ /^ |^= /)
            return 0
    return column
}

function add_columns(text, column, n, row, i, word, note)
{
    n = split(text, row, "\n")
    row[++n] = "."
    add(".Bl -tag -width Ds")
    for (i = 1; i <= n; i++) {
        word = i < n ? substr(row[i], 1, column - 1) : "end"
        gsub(/ /, "", word)
        if (word != "" && note != "") {
            add_sentences(note)
            note = ""
        }
        if (word != "" && i < n)
            add(".It Sy " word)
        note = note (note == "" ? "" : "\n") substr(row[i], column)
    }
    add(".El")
}

# Is a line indented, or are there columns in it?
function is_literal(text)
{
    return text ~ /(^|\n) / || text ~ /[^.?! \n]  +[^ ]|   /
}

function add_literal(text, n, row, i)
{
    n = split(text, row, "\n")
    add(".Bd -literal")
    for (i = 1; i <= n; i++) {
        sub(/ *\\$/, "", row[i])
        gsub(/-/, "\\-", row[i])
        add(escaped(row[i]))
    }
    add(".Ed")
}

# A word such as `clade_error()` with what stands around it.
function call(word, after, pair)
{
    pair = word ~ /^\(.*\)\)/
    after = word
    sub(/.*\(\)/, "", after)
    sub(/\(\).*/, "", word)
    sub(/^\(/, "", word)
    if (pair)
        sub(/^\)/, "", after)
    if (after ~ /^[a-z']/)
        after = "Ns " after
    gsub(/[.,:;)]/, " &", after)
    return "." (pair ? "Pq " : "") "Fn " word (after == "" ? "" : " " after)
}

function escaped(text)
{
    gsub(/\\[^-]/, "\\e&", text)
    return text ~ /^[.']/ ? "\\&" text : text
}

# Each sentence begins a line.
function add_sentences(text, n, word, i, row)
{
    n = split(text, word, /[ \n]+/)
    row = ""
    for (i = 1; i <= n; i++) {
        if (row != "" && (length(row " " word[i]) > 78 || word[i] ~ CALL)) {
            add(escaped(row))
            row = ""
        }
        if (word[i] ~ CALL) {
            add(call(word[i]))
            continue
        }
        if (word[i] ~ /[[*=]/) # a formula is not broken at a minus
            gsub(/-/, "\\-", word[i])
        row = row (row == "" ? "" : " ") word[i]
        if (word[i] ~ /[.!][)"]?$/) {
            add(escaped(row))
            row = ""
        }
    }
    if (row != "")
        add(escaped(row))
}

# ---- the synopsis ------------------------------------------------------------------

function one_line(text)
{
    gsub(/[ \n]+/, " ", text)
    sub(/^CLADE_API /, "", text)
    return text
}

function function_name(text)
{
    text = one_line(text)
    sub(/\(.*/, "", text)
    sub(/.*[ *]/, "", text)
    return text
}

function add_function(text, called, type, arguments, i, c, depth, argument)
{
    text = one_line(text)
    called = function_name(text)
    type = substr(text, 1, index(text, called "(") - 1)
    sub(/ $/, "", type)
    arguments = substr(text, index(text, called "(") + length(called) + 1)
    sub(/\);$/, ",", arguments)
    names = names (names == "" ? "" : " ,\n") ".Nm " called
    synopsis = synopsis ".Ft " quoted(type) "\n.Fo " called "\n"
    for (i = 1; i <= length(arguments); i++) {
        c = substr(arguments, i, 1)
        depth += (c == "(") - (c == ")")
        if (c == "," && !depth) {
            sub(/^ /, "", argument)
            synopsis = synopsis ".Fa " quoted(argument) "\n"
            argument = ""
        } else
            argument = argument c
    }
    synopsis = synopsis ".Fc\n"
}

function print_page()
{
    print ".\\\" SPDX-License-Identifier: Apache-2.0"
    print ".\\\" Made from the header by doc/man3.awk."
    print ".Dd " date
    print ".Dt CLADE_" toupper(name) " 3"
    print ".Os"
    print ".Sh NAME"
    print names
    print ".Nd " tolower(substr(summary, 1, 1)) substr(summary, 2)
    print ".Sh SYNOPSIS"
    print ".In clade/" name ".h"
    printf "%s", synopsis
    print ".Sh DESCRIPTION"
    want_list(0)
    sub(/^\.Pp\n/, "", body)
    sub(/\.Pp\n$/, "", body)
    printf "%s", body
    print ".Sh SEE ALSO"
    # .Xr is for pages that are installed
    print ".Sy clade Ns (1)" see_also
}
