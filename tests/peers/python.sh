# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# How tests of other programs' networks run; `make check-onnx` and `make
# check-peers` run them.  CLADE_CIFAR10_DIR may name a folder of real images.
# shellcheck source=tests/tested.sh
. "$SRCDIR/tests/tested.sh"

# check PYTHON MODULES SCRIPT: run a script of this folder in a new folder, if the
# Python has the modules and there is a device to be tested.
check()
{
    if ! "$1" -c "import $2" 2>/dev/null; then
        echo "1..0 # SKIP $1 lacks one of $2 (pip install)"
        exit 0
    fi
    need_device
    top=$PWD
    dir=$(mktemp -d ./peers-test-XXXXXX) || exit 1
    trap 'rm -rf "$top/$dir"' EXIT
    cd "$dir" || exit 1
    # shellcheck disable=SC2154 # tests/tested.sh sets it
    LOGITS=$top/tests/peers/logits DEVICE=$device PYTHONDONTWRITEBYTECODE=1 \
        "$1" "$SRCDIR/tests/peers/$3"
}
