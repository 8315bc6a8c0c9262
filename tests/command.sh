# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What scripts share that run the command and look at what it prints.  The
# scripts source this file.  $dir is a folder for their files.
# shellcheck source=tests/tap.sh
. "$SRCDIR/tests/tap.sh"
dir=$(mktemp -d ./command-test-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT

# report STATUS NAME: the line of one test; on failure also what the command
# printed.
report()
{
    tap_line "$1" "$2" || {
        sed 's/^/# stdout: /' "$dir/out"
        sed 's/^/# stderr: /' "$dir/err"
    }
}

# ends CODE ARG...: run clade ARG...; succeed if it ends with CODE.
ends()
{
    wanted=$1
    shift
    "$CLADE" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || echo "# clade $*: exit $got, not $wanted"
    [ "$got" -eq "$wanted" ]
}

# fails CODE TEXT ARG...: one test; clade ARG... must end with CODE, and print
# nothing to stdout, but TEXT in a line `clade: ...` to stderr.
fails()
{
    code=$1 text=$2
    shift 2
    ends "$code" "$@" && [ ! -s "$dir/out" ] &&
        grep -q "^clade: .*$text" "$dir/err"
    report $? "exit $code, \"$text\": clade $*"
}

# prints TEXT ARG...: one test; clade ARG... must succeed, and print TEXT to
# stdout and nothing to stderr.
prints()
{
    text=$1
    shift
    ends 0 "$@" && [ ! -s "$dir/err" ] && grep -q -e "$text" "$dir/out"
    report $? "prints \"$text\": clade $*"
}
