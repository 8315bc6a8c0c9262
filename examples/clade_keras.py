# SPDX-License-Identifier: Apache-2.0
"""clade's network in Keras (pip install tensorflow numpy safetensors).

    model = GoogLeNet()         # or the notebook's own model
    load(model, "run/checkpoint.safetensors")
    main, aux1, aux2 = model.predict(clade_numpy.inputs(images))
    save(model, "trained.safetensors")

load() and save() find the layers by what they read, so their names do not matter.
The model's outputs are the main head, aux1 and aux2, in this order.
"""
from tensorflow import keras

import clade_numpy

L = keras.layers


def conv(x, filters, size, stride=1, bias=0.2):
    return L.Conv2D(filters, size, stride, "same", activation="relu",
                    bias_initializer=keras.initializers.Constant(bias))(x)


def pool(x):
    return L.MaxPool2D(3, 2, "same")(x)


def inception(x, a, b, c, d, e, f):
    return L.Concatenate()([
        conv(x, a, 1), conv(conv(x, b, 1), c, 3), conv(conv(x, d, 1), e, 5),
        conv(L.MaxPool2D(3, 1, "same")(x), f, 1)])


def auxiliary(x):
    x = L.Flatten()(conv(L.AveragePooling2D(5, 3)(x), 128, 1, bias=0.0))
    x = L.Dropout(0.7)(L.Dense(1024, activation="relu")(x))
    return L.Dense(10, activation="softmax")(x)


def GoogLeNet():
    """The network of the notebook: the probabilities of the three heads of
    images [N,224,224,3] in 0 ... 1."""
    source = L.Input((224, 224, 3))
    x = pool(conv(pool(conv(source, 64, 7, 2)), 64, 3))
    x = inception(x, 64, 96, 128, 16, 32, 32)
    x = pool(inception(x, 128, 128, 192, 32, 96, 64))
    x = inception(x, 192, 96, 208, 16, 48, 64)
    aux1 = auxiliary(x)
    x = inception(x, 160, 112, 224, 24, 64, 64)
    x = inception(x, 128, 128, 256, 24, 64, 64)
    x = inception(x, 112, 144, 288, 32, 64, 64)
    aux2 = auxiliary(x)
    x = pool(inception(x, 256, 160, 320, 32, 128, 128))
    x = inception(x, 256, 160, 320, 32, 128, 128)
    x = inception(x, 384, 192, 384, 48, 128, 128)
    x = L.Dropout(0.4)(L.GlobalAveragePooling2D()(x))
    main = L.Dense(10, activation="softmax",
                   bias_initializer=keras.initializers.Constant(0.2))(x)
    return keras.Model(source, [main, aux1, aux2])


def names():
    """clade's layers, in the order in which layers() finds them."""
    found = ["conv1", "conv2"]
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        found += ["inception_%s/%s" % (module, branch) for branch in (
            "1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")]
    found.append("classifier")
    for head in ("aux1", "aux2"):
        found += [head + "/conv", head + "/fc", head + "/classifier"]
    return found


def layers(model):
    """The model's layers with weights.  Each comes after those that it reads,
    and these in the order in which it reads them."""
    seen = []

    def visit(tensor):
        layer = tensor._keras_history[0]
        if layer in seen:
            return
        if not isinstance(layer, L.InputLayer):
            sources = layer.input
            for source in sources if isinstance(sources, list) else [sources]:
                visit(source)
        seen.append(layer)

    for output in model.outputs:
        visit(output)
    return [layer for layer in seen if layer.weights]


def load(model, path):
    """Copy the weights of a clade checkpoint into a model.  Both keep images and
    kernels in the same order, so nothing is turned."""
    weights = clade_numpy.load(path)
    for name, layer in zip(names(), layers(model), strict=True):
        layer.set_weights([weights[name + "/kernel"], weights[name + "/bias"]])


def save(model, path, metadata=None):
    """Write a model's weights for clade."""
    weights = {}
    for name, layer in zip(names(), layers(model), strict=True):
        weights[name + "/kernel"], weights[name + "/bias"] = layer.get_weights()
    clade_numpy.save(weights, path, metadata)
