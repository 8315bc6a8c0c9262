# SPDX-License-Identifier: Apache-2.0
"""clade's network in PyTorch (pip install torch numpy safetensors).

    model = GoogLeNet()
    load(model, "run/checkpoint.safetensors")
    x = torch.from_numpy(clade_numpy.inputs(images)).permute(0, 3, 1, 2)
    logits, aux1, aux2 = model.eval()(x)
    save(model, "trained.safetensors")

This is not torchvision's GoogLeNet, which is another network.
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import clade_numpy


def same(extent, size, stride):
    """What `same` pads before and after: the odd pixel comes after."""
    total = max((-(-extent // stride) - 1) * stride + size - extent, 0)
    return total // 2, total - total // 2


def pad(x, size, stride, value):
    height = same(x.shape[2], size, stride)
    width = same(x.shape[3], size, stride)
    return F.pad(x, (*width, *height), value=value)


class Conv(nn.Conv2d):
    """A convolution with padding `same`, then ReLU."""

    def __init__(self, source, filters, size, stride=1, bias=0.2):
        super().__init__(source, filters, size, stride,
                         size // 2 if stride == 1 else 0)
        nn.init.xavier_uniform_(self.weight)
        nn.init.constant_(self.bias, bias)

    def forward(self, x):
        if self.stride[0] > 1:
            x = pad(x, self.kernel_size[0], self.stride[0], 0)
        return F.relu(super().forward(x), inplace=True)


class Dense(nn.Linear):
    def __init__(self, source, outputs, bias=0.0):
        super().__init__(source, outputs)
        nn.init.xavier_uniform_(self.weight)
        nn.init.constant_(self.bias, bias)


class Inception(nn.Module):
    def __init__(self, source, a, b, c, d, e, f):
        super().__init__()
        for name, layer in (("1x1", Conv(source, a, 1)),
                            ("3x3_reduce", Conv(source, b, 1)),
                            ("3x3", Conv(b, c, 3)),
                            ("5x5_reduce", Conv(source, d, 1)),
                            ("5x5", Conv(d, e, 5)),
                            ("pool_proj", Conv(source, f, 1))):
            self.add_module(name, layer)

    def forward(self, x):
        layers = self._modules
        return torch.cat([
            layers["1x1"](x),
            layers["3x3"](layers["3x3_reduce"](x)),
            layers["5x5"](layers["5x5_reduce"](x)),
            layers["pool_proj"](F.max_pool2d(x, 3, 1, 1))], 1)


class Auxiliary(nn.Module):
    def __init__(self, source):
        super().__init__()
        self.conv = Conv(source, 128, 1, bias=0.0)
        self.fc = Dense(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.classifier = Dense(1024, 10)

    def forward(self, x):
        x = torch.flatten(self.conv(F.avg_pool2d(x, 5, 3)), 1)
        return self.classifier(self.dropout(F.relu(self.fc(x))))


class GoogLeNet(nn.Module):
    """The logits of the three heads of images [N,3,224,224] in 0 ... 1.  The
    modules have clade's names."""

    def __init__(self):
        super().__init__()
        self.conv1 = Conv(3, 64, 7, 2)
        self.conv2 = Conv(64, 64, 3)
        self.inception_3a = Inception(64, 64, 96, 128, 16, 32, 32)
        self.inception_3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.inception_4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.aux1 = Auxiliary(512)
        self.inception_4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception_4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception_4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.aux2 = Auxiliary(528)
        self.inception_4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.inception_5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception_5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.dropout = nn.Dropout(0.4)
        self.classifier = Dense(1024, 10, 0.2)

    @staticmethod
    def pool(x):
        return F.max_pool2d(pad(x, 3, 2, float("-inf")), 3, 2)

    def forward(self, x):
        x = self.pool(self.conv2(self.pool(self.conv1(x))))
        x = self.pool(self.inception_3b(self.inception_3a(x)))
        x = self.inception_4a(x)
        aux1 = self.aux1(x)
        x = self.inception_4d(self.inception_4c(self.inception_4b(x)))
        aux2 = self.aux2(x)
        x = self.pool(self.inception_4e(x))
        x = self.inception_5b(self.inception_5a(x)).mean((2, 3))
        return self.classifier(self.dropout(x)), aux1, aux2


def shape_of(name, kernel):
    """A kernel of clade as [height,width,in,out].  What aux1/fc and aux2/fc read
    is an image of 4 x 4 pixels, flattened: clade has its channels last, PyTorch
    has them first."""
    if kernel.ndim == 4:
        return kernel.shape
    height = 4 if name.endswith("/fc") else 1
    return height, height, kernel.shape[0] // height ** 2, kernel.shape[1]


def load(model, path):
    """Copy the weights of a clade checkpoint into a model."""
    state = {}
    for name, value in clade_numpy.load(path).items():
        layer, kind = name.rsplit("/", 1)
        target = layer.replace("/", ".")
        if kind == "bias":
            state[target + ".bias"] = torch.from_numpy(value)
            continue
        turned = value.reshape(shape_of(layer, value)).transpose(3, 2, 0, 1)
        if value.ndim == 2:
            turned = turned.reshape(value.shape[::-1])
        state[target + ".weight"] = torch.from_numpy(
            np.ascontiguousarray(turned))
    model.load_state_dict(state)


def save(model, path, metadata=None):
    """Write a model's weights for clade."""
    weights = {}
    for name, tensor in model.state_dict().items():
        value = tensor.detach().cpu().numpy()
        target, kind = name.replace(".", "/").rsplit("/", 1)
        if kind == "bias":
            weights[target + "/bias"] = value
            continue
        height, width, source, filters = shape_of(target, value.T)
        turned = value.reshape(filters, source, height, width) \
            if value.ndim == 2 else value
        turned = turned.transpose(2, 3, 1, 0)
        weights[target + "/kernel"] = \
            turned.reshape(-1, filters) if value.ndim == 2 else turned
    clade_numpy.save(weights, path, metadata)
