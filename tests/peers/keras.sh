#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A network that Keras trained must have the same accuracies in clade.
# shellcheck source=tests/peers/python.sh
. "$SRCDIR/tests/peers/python.sh"
check "${KERAS_PYTHON:-python3}" 'tensorflow, safetensors' check_keras.py
