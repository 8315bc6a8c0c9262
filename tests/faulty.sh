#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# faulty.sh RANK HOW COMMAND...: run a command, which rank RANK of several
# processes runs with a faulty driver, made so (see tests/faulty-driver.c).
if [ "${OMPI_COMM_WORLD_RANK-$PMI_RANK}" = "$1" ]; then
    CLADE_TEST_FAULT=$2
    LD_PRELOAD=$PWD/.libs/libfaulty.so
    export CLADE_TEST_FAULT LD_PRELOAD
fi
shift 2
exec "$@"
