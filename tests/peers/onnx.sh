#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An exported model must be a good one, and must compute what clade computes.
# shellcheck source=tests/peers/python.sh
. "$SRCDIR/tests/peers/python.sh"
check "${ONNX_PYTHON:-python3}" 'onnx, onnxruntime, safetensors' check_onnx.py
