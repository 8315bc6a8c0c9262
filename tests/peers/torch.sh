#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The network of examples/clade_torch.py must compute what clade computes.
# shellcheck source=tests/peers/python.sh
. "$SRCDIR/tests/peers/python.sh"
check "${TORCH_PYTHON:-python3}" 'torch, safetensors' check_torch.py
