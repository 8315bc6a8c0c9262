/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <clade/train.h>
#include <string.h>
#include <sys/stat.h>

#include "onnx/onnx.h"
#include "status.h"
#include "train/train.h"

struct export_options {
    const char *checkpoint, *format, *file;
};

#define AT(member) offsetof(struct export_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "FILE", TOOL_OPERAND, AT(file), NULL, NULL, 0, 0 },
    { "checkpoint", TOOL_TEXT, AT(checkpoint), "FILE",
      "the checkpoint to export, or weights alone as safetensors", 0, 0 },
    { "format", TOOL_CHOICE, AT(format), "onnx|safetensors",
      "what to write to FILE", 0, 0 },
};
/* clang-format on */

static const struct export_options defaults;

/* Are two names those of one file? */
static bool same_file(const char *a, const char *b)
{
    struct stat s, t;

    return !stat(a, &s) && !stat(b, &t) && s.st_dev == t.st_dev &&
           s.st_ino == t.st_ino;
}

static clade_status export_checkpoint(const void *given)
{
    const struct export_options *o = given;
    clade_checkpoint *checkpoint;
    clade_status st;

    if (!o->checkpoint || !o->format || !o->file)
        return clade_fail(CLADE_EUSAGE, "export: %s is required",
                          !o->checkpoint ? "--checkpoint FILE"
                          : !o->format   ? "--format onnx|safetensors"
                                         : "the name of the FILE to write");
    if (same_file(o->checkpoint, o->file))
        return clade_fail(CLADE_EUSAGE,
                          "%s: is the checkpoint, which would lose what is not "
                          "exported: name another file to write",
                          o->file);
    if ((st = clade_checkpoint_open(&checkpoint, o->checkpoint)))
        return st;
    st = strcmp(o->format, "onnx")
             ? checkpoint_write_weights(o->file, checkpoint)
             : onnx_export(o->file, checkpoint);
    clade_checkpoint_close(checkpoint);
    return st;
}

const struct tool_command cmd_export = {
    .name = "export",
    .summary = "Write a checkpoint's network for other programs",
    .text =
        "onnx: the main head as a model for ONNX runtimes; the text in it says "
        "how to\nmake its input.  safetensors: the values of all parameters, "
        "without momenta, for\nPython; what reads a checkpoint also reads that "
        "file, but for train --resume.\ndoc/interchange.md has recipes for "
        "Keras, PyTorch and numpy.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = export_checkpoint,
};
