/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ONNX_DRAFT_H
#define ONNX_DRAFT_H

#include <clade/train.h>

#include "net/graph.h"
#include "src/onnx/onnx.pb-c.h"

#define ONNX_INPUT  "input"
#define ONNX_OUTPUT "logits"

/* A node of the model, with the memory that its message points to. */
struct onnx_node {
    Onnx__NodeProto message;
    Onnx__AttributeProto attribute[3], *attributes[3];
    int64_t ints[3][4];
    char *input[4], *output[1];
    char name[64];
};

/* A parameter of the model, in the layout of ONNX. */
struct onnx_parameter {
    Onnx__TensorProto message;
    int64_t dims[4];
    float *values;
};

/* The nodes and parameters that the main head of a net needs, in the order in
 * which they run.  All names are the graph's, which must outlive it. */
struct onnx_draft {
    struct onnx_node *nodes;
    struct onnx_parameter *parameters;
    int n_nodes, n_parameters;
    bool *needed;       /* of each value of the graph */
    const char **names; /* of each value: in the model */
};

/* Draft a checkpoint's.  Free it whatever this returns. */
clade_status onnx_draft_new(struct onnx_draft *draft,
                            clade_checkpoint *checkpoint);
void onnx_draft_free(struct onnx_draft *draft);

#endif
