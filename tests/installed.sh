#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make installcheck`: build users' programs with the installed pkg-config file
# and run them: the example, and the tests that use public headers only.  The
# environment has CC, CFLAGS, SRCDIR, DESTDIR and the folders as configured.
# The tests run under the command in CHECKER, if there is one.
set -eu
dir=$(mktemp -d ./installed-XXXXXX)
trap 'rm -rf "$dir"' EXIT
LD_LIBRARY_PATH=$DESTDIR$LIBDIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
PKG_CONFIG_PATH=$DESTDIR$PKGCONFIGDIR${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export LD_LIBRARY_PATH PKG_CONFIG_PATH
flags=$("$PKG_CONFIG" --cflags --libs \
    --define-variable=includedir="$DESTDIR$INCLUDEDIR" \
    --define-variable=libdir="$DESTDIR$LIBDIR" clade)

# build NAME SOURCE...: build a program from files of this folder.
build()
{
    name=$1
    shift
    # shellcheck disable=SC2086 # one word a flag
    $CC $CFLAGS -o "$dir/$name" "$@" $flags
}

# passes NAME: run a test; succeed if all of it passes.
passes()
{
    status=0
    ${CHECKER:-} "$dir/$1" >"$dir/$1.log" 2>&1 || status=$?
    if [ $status -ne 0 ] || grep -q '^not ok' "$dir/$1.log"; then
        cat "$dir/$1.log"
        return 1
    fi
    echo "PASS: $1: $(grep -c '^ok' "$dir/$1.log") tests"
}

# Every header has its page.
for header in "$DESTDIR$INCLUDEDIR"/clade/*.h; do
    ls "$DESTDIR$MANDIR/man3/clade_$(basename "$header" .h).3"
done

tests=$SRCDIR/tests
for name in library callers-memory callers-net callers-ops; do
    build "$name" "$tests/$name.c" "$tests/caller.c" "$tests/tap.c" \
        "$tests/tested.c"
    passes "$name"
done

# The example that users see; on the reference, unless a device is named.
build train "$DESTDIR$EXAMPLEDIR/train.c"
(
    cd "$dir"
    ./train "${CLADE_TEST_DEVICE:-cpu}" 1 >train.log || {
        cat train.log
        exit 1
    }
    grep '^accuracy' train.log
)
