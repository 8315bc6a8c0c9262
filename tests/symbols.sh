#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library must export public names only.
lib=$(find .libs -name 'libclade.so' -o -name 'libclade.dylib' | head -n 1)
if [ -z "$lib" ] || ! command -v nm >/dev/null; then
    echo '1..0 # SKIP no shared library here, or no nm to read it'
    exit 0
fi
echo 1..2
# Names with a dot are made by the compiler, as for clang's OpenMP.
names=$(nm -D --defined-only "$lib" | awk '{ print $NF }')
others=$(echo "$names" | grep -v '^clade_' | grep -v '^_[_a-z]*$' |
    grep -vF .)
if [ -z "$others" ]; then
    echo 'ok 1 - every exported name starts with clade_'
else
    echo 'not ok 1 - every exported name starts with clade_'
    echo "$others" | sed 's/^/# /'
fi
if echo "$names" | grep -qx clade_error; then
    echo 'ok 2 - clade_error is exported'
else
    echo 'not ok 2 - clade_error is exported'
fi
