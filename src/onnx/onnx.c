/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx/onnx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "onnx/draft.h"
#include "status.h"
#include "train/train.h"

#define IR_VERSION 8
#define OPSET      13

/* How to make the input. */
static const char doc[] =
    "%s, the main head, exported by clade " PACKAGE_VERSION ".\n"
    "\n"
    "input [N,%d,%d,%d]: images of %d x %d RGB bytes, enlarged to %d x %d as "
    "OpenCV does with cv2.INTER_LINEAR on bytes, then divided by 255, with the "
    "channels first.  Other ways to enlarge, ONNX' own too, differ from it.  "
    "doc/interchange.md of clade has it in numpy.\n"
    "\n"
    "logits [N,%d]: their softmax is the probability of each class.";

/* A tensor of the model's door. */
struct door {
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dim[4], *dims[4];
};

/* The model, with the memory that its messages point to. */
struct model {
    Onnx__ModelProto message;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__StringStringEntryProto classes, *entries[1];
    struct door input, output;
    Onnx__ValueInfoProto *inputs[1], *outputs[1];
    Onnx__NodeProto **nodes;
    Onnx__TensorProto **parameters;
    char text[1024];
    const char *path;
};

/* Describe floats [N, extents...]. */
static void set_door(struct door *d, const char *name, size_t n,
                     const int extents[3])
{
    onnx__value_info_proto__init(&d->info);
    onnx__type_proto__init(&d->type);
    onnx__type_proto__tensor__init(&d->tensor);
    onnx__tensor_shape_proto__init(&d->shape);
    d->info.name = (char *)name;
    d->info.type = &d->type;
    d->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    d->type.tensor_type = &d->tensor;
    d->tensor.has_elem_type = true;
    d->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    d->tensor.shape = &d->shape;
    d->shape.n_dim = 1 + n;
    d->shape.dim = d->dims;
    for (size_t i = 0; i <= n; i++) {
        Onnx__TensorShapeProto__Dimension *dim = d->dims[i] = &d->dim[i];

        onnx__tensor_shape_proto__dimension__init(dim);
        if (i) {
            dim->value_case =
                ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = extents[i - 1];
        } else {
            dim->value_case =
                ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = (char *)"N";
        }
    }
}

/* List the messages of a draft. */
static clade_status set_draft(struct model *m, struct onnx_draft *d)
{
    Onnx__GraphProto *g = &m->graph;

    g->n_node = (size_t)d->n_nodes;
    g->n_initializer = (size_t)d->n_parameters;
    g->node = m->nodes = calloc(g->n_node, sizeof *m->nodes);
    g->initializer = m->parameters =
        calloc(g->n_initializer, sizeof *m->parameters);
    if (!m->nodes || !m->parameters)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", m->path);
    for (int i = 0; i < d->n_nodes; i++)
        m->nodes[i] = &d->nodes[i].message;
    for (int i = 0; i < d->n_parameters; i++)
        m->parameters[i] = &d->parameters[i].message;
    return CLADE_OK;
}

static void set_graph(struct model *m, const struct net_table *t)
{
    Onnx__GraphProto *g = &m->graph;

    onnx__graph_proto__init(g);
    set_door(&m->input, ONNX_INPUT, 3, (int[3]){ t->c, t->h, t->w });
    set_door(&m->output, ONNX_OUTPUT, 1, (int[3]){ t->classes });
    m->inputs[0] = &m->input.info;
    m->outputs[0] = &m->output.info;
    g->name = (char *)t->name;
    g->n_input = g->n_output = 1;
    g->input = m->inputs;
    g->output = m->outputs;
}

/* The classes' names, as the checkpoint has them; NULL: it has none. */
static void set_classes(struct model *m, const char *names)
{
    onnx__string_string_entry_proto__init(&m->classes);
    m->classes.key = (char *)"classes";
    m->classes.value = (char *)names;
    m->entries[0] = &m->classes;
    m->message.metadata_props = m->entries;
    m->message.n_metadata_props = names ? 1 : 0;
}

static void set_model(struct model *m, const struct net_table *t)
{
    Onnx__ModelProto *message = &m->message;

    onnx__model_proto__init(message);
    onnx__operator_set_id_proto__init(&m->opset);
    m->opset.domain = (char *)"";
    m->opset.has_version = true;
    m->opset.version = OPSET;
    m->opsets[0] = &m->opset;
    message->has_ir_version = true;
    message->ir_version = IR_VERSION;
    message->n_opset_import = 1;
    message->opset_import = m->opsets;
    message->producer_name = (char *)"clade";
    message->producer_version = (char *)PACKAGE_VERSION;
    message->graph = &m->graph;
    snprintf(m->text, sizeof m->text, doc, t->name, t->c, t->h, t->w,
             t->source_w, t->source_h, t->w, t->h, t->classes);
    message->doc_string = m->text;
    set_graph(m, t);
}

/* A file that protobuf-c packs into. */
struct sink {
    ProtobufCBuffer base;
    FILE *file;
};

static void append(ProtobufCBuffer *buffer, size_t n, const uint8_t *bytes)
{
    FILE *file = ((struct sink *)buffer)->file;

    if (!ferror(file))
        fwrite(bytes, 1, n, file);
}

static clade_status write_model(void *arg, FILE *file)
{
    const struct model *m = arg;
    struct sink sink = { { append }, file };

    protobuf_c_message_pack_to_buffer(&m->message.base, &sink.base);
    return ferror(file)
               ? clade_fail(CLADE_EIO, "%s: %s", m->path, strerror(errno))
               : CLADE_OK;
}

clade_status onnx_export(const char *path, clade_checkpoint *checkpoint)
{
    struct model *m = calloc(1, sizeof *m);
    struct onnx_draft draft = { 0 };
    clade_status st;

    if (!m)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    m->path = path;
    set_model(m, checkpoint_graph(checkpoint)->table);
    set_classes(m, checkpoint_text(checkpoint, "classes"));
    if (!(st = onnx_draft_new(&draft, checkpoint)) &&
        !(st = set_draft(m, &draft)))
        st = file_replace(path, write_model, m);
    onnx_draft_free(&draft);
    free(m->nodes);
    free(m->parameters);
    free(m);
    return st;
}
