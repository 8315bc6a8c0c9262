# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The device under test, for scripts; tests/tested.h says which it is.
# shellcheck disable=SC2034 # the script that sources this file uses it
device=${CLADE_TEST_DEVICE:-opencl}

# has_device: fail if there is no OpenCL device and none is named.
has_device()
{
    [ -n "${CLADE_TEST_DEVICE:-}" ] || ! listed=$("$CLADE" devices) ||
        echo "$listed" | grep -q '^opencl:'
}

# need_device: skip the script if there is none to be tested.
need_device()
{
    if ! has_device; then
        echo '1..0 # SKIP no OpenCL device, and CLADE_TEST_DEVICE names none'
        exit 0
    fi
}
