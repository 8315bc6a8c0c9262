#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What Oclgrind should report for the reproducers beside this file, which `make
# check-drivers` builds.
programs=tests/drivers
log=$programs/oclgrind.found

if ! command -v oclgrind >/dev/null; then
    echo '1..0 # SKIP no oclgrind'
    exit
fi

# said NUMBER WHAT STATUS: the line of one test.
said()
{
    if [ "$3" -eq 0 ]; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
    fi
}

oclgrind --version | sed 's/^/# /'
echo 1..3
oclgrind $programs/callback.t | grep -q '^ok 1'
said 1 "a context's callback gets its argument" $?
oclgrind --uninitialized --log $log $programs/fill.t >$programs/fill.out 2>&1
test ! -s $log
said 2 'what a fill wrote is initialised' $?
oclgrind --uninitialized --log $log $programs/write.t >$programs/fill.out 2>&1
test ! -s $log
said 3 'writing a part leaves the rest initialised' $?
rm -f $log $programs/fill.out
