/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ONNX_H
#define ONNX_H

#include <clade/train.h>

/*
 * Write a checkpoint's net as an ONNX model: IR 8, opset 13.  It computes
 *
 *     logits [N,classes]  of the main head, from
 *     input  [N,c,h,w]    floats in 0 ... 1, after clade's resize
 *
 * for any batch N; the model's text says how to make the input.  Dropout and
 * the other heads are left out.  The file is replaced as a whole.
 *
 * CLADE_EUSAGE: clade was built without ONNX; the message names what was
 * missing.  CLADE_EIO: a file cannot be read or written.
 */
clade_status onnx_export(const char *path, clade_checkpoint *checkpoint);

#endif
