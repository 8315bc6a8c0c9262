# SPDX-License-Identifier: Apache-2.0
"""Check the recipes of examples/clade_keras.py, with a network that Keras has
trained."""
import os

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import peer
import clade_keras
from clade_keras import keras

COUNT, LEARNT, EPOCHS, BATCH = 100, 60, 12, 10
clade_numpy = peer.clade_numpy


def train(model, x, labels):
    """Learn some images by heart."""
    model.compile(optimizer=keras.optimizers.Adam(3e-4),
                  loss=["sparse_categorical_crossentropy"] * 3,
                  loss_weights=[1, 0.3, 0.3])
    model.fit(x, [labels] * 3, batch_size=BATCH, epochs=EPOCHS, verbose=0)


def check_trained(model, images, labels):
    """clade must have Keras' figures, of images that are resized by its rule; and
    what another resize does to Keras' must be seen."""
    x = clade_numpy.inputs(images)
    train(model, x[:LEARNT], labels[:LEARNT])
    clade_keras.save(model, "trained.safetensors")
    wanted = peer.evaluate("trained.safetensors", images, labels)
    heads = model.predict(x, batch_size=20, verbose=0)
    peer.check_figures("Keras", wanted, [peer.figures(y, labels) for y in heads])
    peer.report(wanted[0][1] > 0.25, "Keras has learnt: accuracy %.2f" %
                wanted[0][1])
    floats = keras.ops.image.resize(images.astype(np.float32), (224, 224))
    floats = np.asarray(floats) / 255
    peer.report(0 < np.abs(floats - x).max() < 2 / 255,
                "Keras' own resize differs from clade's by %.2f of a byte's step "
                "at most" % (np.abs(floats - x).max() * 255))
    other = model.predict(floats, batch_size=20, verbose=0)
    print("# losses and accuracies by Keras' own resize: %s" %
          [peer.figures(y, labels) for y in other])


def main():
    keras.utils.set_random_seed(1)
    keras.utils.disable_interactive_logging()
    model = clade_keras.GoogLeNet()
    checkpoint = peer.train()
    clade_keras.load(model, checkpoint)
    clade_keras.save(model, "back.safetensors")
    peer.check_same("back.safetensors", checkpoint,
                    "a checkpoint comes back from Keras unchanged")
    weights = peer.make_weights(clade_numpy.load("back.safetensors"))
    clade_numpy.save(weights, "made.safetensors")
    clade_keras.load(model, "made.safetensors")
    answer = peer.answers("made.safetensors", COUNT)
    check_trained(model, answer["images"], answer["labels"])
    recipe = peer.run_recipe("Keras")
    peer.report([recipe[n].shape for n in ("main", "aux1", "aux2")] ==
                [(20, 10)] * 3, "the recipe runs")
    peer.check_same("trained.safetensors", checkpoint,
                    "and writes the checkpoint's weights")
    peer.plan()


if __name__ == "__main__":
    main()
