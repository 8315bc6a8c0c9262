# SPDX-License-Identifier: Apache-2.0
"""The network of examples/clade_torch.py, trained by several processes.

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

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../examples"))
import clade_torch  # noqa: E402

WARM_UP = 2


class Resized(clade_torch.GoogLeNet):
    """The same of images [N,3,32,32]."""

    def forward(self, x):
        x = F.interpolate(x, size=(224, 224), mode="bilinear",
                          align_corners=False)
        return super().forward(x)


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
    model = Resized()
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
