# SPDX-License-Identifier: Apache-2.0
"""Check the recipes of examples/clade_torch.py."""
import numpy as np
import torch

import peer
import clade_torch

COUNT = 60
clade_numpy = peer.clade_numpy


def run(model, images):
    """The logits of each head."""
    parts = []
    with torch.no_grad():
        for at in range(0, len(images), 20):
            x = torch.from_numpy(clade_numpy.inputs(images[at:at + 20]))
            parts.append(model.eval()(x.permute(0, 3, 1, 2)))
    return [torch.cat(head).numpy() for head in zip(*parts)]


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def main():
    model = clade_torch.GoogLeNet()
    checkpoint = peer.train()
    clade_torch.load(model, checkpoint)
    clade_torch.save(model, "back.safetensors")
    peer.check_same("back.safetensors", checkpoint,
                    "a checkpoint comes back from PyTorch unchanged")
    weights = peer.make_weights(clade_numpy.load("back.safetensors"))
    clade_numpy.save(weights, "made.safetensors")
    clade_torch.load(model, "made.safetensors")
    clade_torch.save(model, "made.safetensors")
    answer = peer.answers("made.safetensors", COUNT)
    heads = run(model, answer["images"])
    peer.check_logits("PyTorch", answer["logits"], heads[0])
    labels = answer["labels"]
    peer.check_figures("PyTorch",
                       peer.evaluate("made.safetensors", answer["images"],
                                     labels),
                       [peer.figures(softmax(y), labels) for y in heads])
    recipe = peer.run_recipe("PyTorch")
    peer.report([tuple(recipe[n].shape) for n in ("logits", "aux1", "aux2")] ==
                [(20, 10)] * 3, "the recipe runs")
    peer.check_same("trained.safetensors", checkpoint,
                    "and writes the checkpoint's weights")
    peer.plan()


if __name__ == "__main__":
    main()
