# SPDX-License-Identifier: Apache-2.0
"""clade's weights and clade's input in numpy (pip install numpy safetensors).

    weights = load("run/checkpoint.safetensors")
    weights["conv1/bias"] += 0.1
    save(weights, "changed.safetensors")

Kernels of convolutions are [height,width,in,out], those of dense layers [in,out],
where the inputs of aux1/fc and aux2/fc are an image's [4,4,128] in this order.
"""
import numpy as np
from safetensors import numpy as safetensors


def load(path):
    """The values of all parameters, by name.  Momenta are left out."""
    tensors = safetensors.load_file(path)
    return {name: tensors[name] for name in tensors
            if not name.startswith("momentum/")}


def save(weights, path, metadata=None):
    """Write what clade reads: float32, with the names that load() gives."""
    safetensors.save_file({name: np.ascontiguousarray(value, np.float32)
                           for name, value in weights.items()}, path, metadata)


def read_cifar10(path, count):
    """The first images [count,32,32,3] of a file of CIFAR-10's binary version,
    as bytes, and their labels [count]."""
    records = np.fromfile(path, np.uint8, count * 3073).reshape(count, 3073)
    images = records[:, 1:].reshape(count, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0]


def positions(to, source):
    """For each output pixel: the first of the two input pixels that it lies
    between, and the weight of the second."""
    at = ((np.arange(to) + 0.5) * source / to - 0.5).astype(np.float32)
    first = np.floor(at)
    return first.astype(int), at - first


def fixed(weight):
    """A weight in units of 1/2048."""
    return np.rint(np.float32(2048) * weight).astype(np.int64)


def resize(images, to=224):
    """Bytes [n,to,to,c] from bytes [n,h,w,c], bit for bit as clade resizes, and
    as cv2.resize(image, (to, to), interpolation=cv2.INTER_LINEAR) does."""
    _, h, w, _ = images.shape
    x = images.astype(np.int64)
    first, weight = positions(to, w)
    weight = np.where((first < 0) | (first >= w - 1), np.float32(0), weight)
    first = np.clip(first, 0, w - 1)
    second = np.minimum(first + 1, w - 1)
    across = (x[:, :, first] * fixed(1 - weight)[:, None] +
              x[:, :, second] * fixed(weight)[:, None]) >> 4
    first, weight = positions(to, h)
    upper = across[:, np.clip(first, 0, h - 1)]
    lower = across[:, np.clip(first + 1, 0, h - 1)]
    down = [fixed(v)[:, None, None] for v in (1 - weight, weight)]
    return ((((upper * down[0]) >> 16) + ((lower * down[1]) >> 16) + 2) >>
            2).astype(np.uint8)


def inputs(images):
    """Images [n,h,w,c] of bytes as the network's input, floats [n,224,224,c]."""
    return resize(images).astype(np.float32) / np.float32(255)
