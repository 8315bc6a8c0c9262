# SPDX-License-Identifier: Apache-2.0
"""Check exported models with onnx and onnxruntime."""
import numpy as np
import onnx
import onnxruntime

import peer

COUNT = 500
clade_numpy = peer.clade_numpy


def run(model, images):
    """The model's logits, in batches of 60 and then of what is left."""
    session = onnxruntime.InferenceSession(model)
    parts = []
    for at in range(0, len(images), 60):
        x = clade_numpy.inputs(images[at:at + 60]).transpose(0, 3, 1, 2)
        parts += session.run(["logits"], {"input": np.ascontiguousarray(x)})
    return np.concatenate(parts)


def check_form(model):
    onnx.checker.check_model(model, full_check=True)
    peer.report(True, "onnx.checker takes the model")
    peer.report(model.ir_version == 8 and
                [(o.domain, o.version) for o in model.opset_import] ==
                [("", 13)], "it has IR 8 and opset 13")
    sides = [[d.dim_param or d.dim_value for d in t.type.tensor_type.shape.dim]
             for t in (model.graph.input[0], model.graph.output[0])]
    peer.report(sides == [["N", 3, 224, 224], ["N", 10]], "its batch is N", sides)
    peer.report("cv2.INTER_LINEAR" in model.doc_string and
                "255" in model.doc_string, "its text says how to make the input")
    peer.report(not any(p.name.startswith("aux")
                        for p in model.graph.initializer),
                "it has the main head alone")
    pads = {n.name: list(a.ints) for n in model.graph.node for a in n.attribute
            if a.name == "pads"}
    peer.report(pads["conv1/sum"] == [2, 2, 3, 3] and
                pads["pool1"] == [0, 0, 1, 1],
                "the odd pixel of padding comes after, as in TensorFlow", pads)


def main():
    checkpoint = peer.train()
    peer.clade("export", "--checkpoint", checkpoint, "--format", "safetensors",
               "plain.safetensors")
    peer.check_same("plain.safetensors", checkpoint,
                    "exported safetensors have the checkpoint's values")
    weights = peer.make_weights(clade_numpy.load("plain.safetensors"))
    clade_numpy.save(weights, "made.safetensors")
    peer.clade("export", "--checkpoint", "made.safetensors", "--format", "onnx",
               "model.onnx")
    check_form(onnx.load("model.onnx"))
    answer = peer.answers("made.safetensors", COUNT)
    images = answer["images"]
    peer.report(np.array_equal(clade_numpy.inputs(images[:4]), answer["pixels"]),
                "the resize in numpy equals the device's, bit for bit")
    found = run("model.onnx", images)
    peer.check_logits("onnxruntime", answer["logits"], found)
    recipe = peer.run_recipe("ONNX", images=images[:20])
    peer.report(np.allclose(recipe["logits"], found[:20], rtol=0, atol=1e-5),
                "the recipe for ONNX gives the same")
    peer.run_recipe("numpy")
    peer.clade("export", "--checkpoint", "changed.safetensors", "--format",
               "safetensors", "again.safetensors")
    peer.check_same("again.safetensors", "changed.safetensors",
                    "clade takes what the recipe for numpy writes")
    peer.plan()


if __name__ == "__main__":
    main()
