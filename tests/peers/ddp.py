# SPDX-License-Identifier: Apache-2.0
"""The network of src/net/googlenet.c in PyTorch, trained by several processes.

usage: ddp.py [--ranks P] [--batch B] [--steps N]

DistributedDataParallel over gloo, on CPUs; a batch of B images is cut into P
equal shares, and each process has one thread.  First one process trains a share
alone, while the others wait.  It prints one JSON object: images per second are
those of the median step, after two that warm up.
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch import nn
from torch.nn import functional as F

WARM_UP = 2


def same(extent, size, stride):
    """What `same` pads before and after: the odd pixel comes after."""
    total = max((-(-extent // stride) - 1) * stride + size - extent, 0)
    return total // 2, total - total // 2


def pad(x, size, stride, value):
    height = same(x.shape[2], size, stride)
    width = same(x.shape[3], size, stride)
    return F.pad(x, (*width, *height), value=value)


class Conv(nn.Module):
    """A convolution with padding `same`, then ReLU."""

    def __init__(self, source, filters, size, stride=1, bias=0.2):
        super().__init__()
        self.size, self.stride = size, stride
        self.conv = nn.Conv2d(source, filters, size, stride,
                              size // 2 if stride == 1 else 0)
        nn.init.xavier_uniform_(self.conv.weight)
        nn.init.constant_(self.conv.bias, bias)

    def forward(self, x):
        if self.stride > 1:
            x = pad(x, self.size, self.stride, 0)
        return F.relu(self.conv(x), inplace=True)


class Pool(nn.Module):
    def forward(self, x):
        return F.max_pool2d(pad(x, 3, 2, float("-inf")), 3, 2)


class Inception(nn.Module):
    def __init__(self, source, a, b, c, d, e, f):
        super().__init__()
        self.a = Conv(source, a, 1)
        self.c = nn.Sequential(Conv(source, b, 1), Conv(b, c, 3))
        self.e = nn.Sequential(Conv(source, d, 1), Conv(d, e, 5))
        self.f = nn.Sequential(nn.MaxPool2d(3, 1, 1), Conv(source, f, 1))

    def forward(self, x):
        return torch.cat([self.a(x), self.c(x), self.e(x), self.f(x)], 1)


def dense(source, outputs, bias=0.0):
    layer = nn.Linear(source, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.constant_(layer.bias, bias)
    return layer


def auxiliary(source):
    return nn.Sequential(nn.AvgPool2d(5, 3), Conv(source, 128, 1, bias=0.0),
                         nn.Flatten(), dense(4 * 4 * 128, 1024), nn.ReLU(),
                         nn.Dropout(0.7), dense(1024, 10))


class GoogLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_4a = nn.Sequential(
            Conv(3, 64, 7, 2), Pool(), Conv(64, 64, 3), Pool(),
            Inception(64, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64), Pool(),
            Inception(480, 192, 96, 208, 16, 48, 64))
        self.aux1 = auxiliary(512)
        self.to_4d = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64))
        self.aux2 = auxiliary(528)
        self.to_end = nn.Sequential(
            Inception(528, 256, 160, 320, 32, 128, 128), Pool(),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4),
            dense(1024, 10, 0.2))

    def forward(self, x):
        x = F.interpolate(x, size=(224, 224), mode="bilinear",
                          align_corners=False)
        x = self.to_4a(x)
        aux1 = self.aux1(x)
        x = self.to_4d(x)
        aux2 = self.aux2(x)
        return self.to_end(x), aux1, aux2


def seconds(model, images, labels, steps):
    """The times of training steps."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    times = []
    for step in range(WARM_UP + steps):
        began = time.monotonic()
        optimizer.zero_grad()
        losses = [F.cross_entropy(y, labels) for y in model(images / 255)]
        loss = losses[0] + 0.3 * losses[1] + 0.3 * losses[2]
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(time.monotonic() - began)
    return times[WARM_UP:]


def work(rank, args, results):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    dist.init_process_group("gloo", rank=rank, world_size=args.ranks)
    # A process that waits for this store sleeps; one in a barrier may spin.
    store = dist.TCPStore("127.0.0.1", args.store, args.ranks, rank == 0)
    share = args.batch // args.ranks
    images = torch.randint(256, (share, 3, 32, 32)).float()
    labels = torch.arange(share) % 10
    model = GoogLeNet()
    if rank == 0:
        results["alone"] = seconds(model, images, labels, args.steps)
        store.set("measured", "yes")
    else:
        store.wait(["measured"])
    model = nn.parallel.DistributedDataParallel(model)
    together = seconds(model, images, labels, args.steps)
    if rank == 0:
        results["together"] = together
        results["parameters"] = sum(p.numel() for p in model.parameters())
    dist.barrier()
    results[rank] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--port", type=int, default=29500)
    args = parser.parse_args()
    if args.batch % args.ranks:
        sys.exit("ddp.py: %d images are no equal shares for %d processes" %
                 (args.batch, args.ranks))
    args.store = args.port + 1
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(args.port),
                      OMP_NUM_THREADS="1")
    with processes.get_context("spawn").Manager() as manager:
        results = manager.dict()
        processes.spawn(work, (args, results), args.ranks)
        share = args.batch / args.ranks
        alone = args.ranks * share / statistics.median(results["alone"])
        rate = args.batch / statistics.median(results["together"])
        print(json.dumps({
            "peer": "PyTorch %s, DDP over gloo" % torch.__version__,
            "ranks": args.ranks, "batch": args.batch,
            "parameters": results["parameters"],
            "images_per_second": rate,
            "alone_images_per_second": alone,
            "efficiency": rate / alone,
            "seconds_per_step": results["together"],
            "peak_memory_bytes": [results[r] for r in range(args.ranks)],
        }))


if __name__ == "__main__":
    main()
