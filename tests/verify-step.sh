#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A training step in lockstep on the device under test.  The command prints the
# TAP lines itself.
# shellcheck source=tests/tested.sh
. "$SRCDIR/tests/tested.sh"

need_device
exec "$CLADE" verify --device "$device" --suite step --batch 1 --format tap 2>&1
