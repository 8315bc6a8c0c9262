/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx/onnx.h"
#include "status.h"

clade_status onnx_export(const char *path, clade_checkpoint *checkpoint)
{
    (void)checkpoint;
    return clade_fail(CLADE_EUSAGE,
                      "%s: clade was built without ONNX: install protobuf-c, "
                      "its compiler and onnx.proto (Debian: libprotobuf-c-dev "
                      "protobuf-c-compiler libonnx-dev), and configure and "
                      "build clade again",
                      path);
}
