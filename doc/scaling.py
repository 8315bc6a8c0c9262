#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long a training step of several ranks takes, by a model: the tables of
scaling.md.

usage: scaling.py             the predictions
       scaling.py FILE...     beside what `clade bench --json` measured with
                              several ranks on one machine
"""
import json
import math
import statistics
import sys
from dataclasses import dataclass, replace

PARAMETERS = 10229390
VECTOR = 4 * PARAMETERS  # bytes of all gradients, and of all new weights
BACKWARD = 2 / 3  # the part of a step's computing that is backward
CALLS = 4  # collectives a step: stop?, images, gradients, new weights


@dataclass
class Machine:
    """Times in seconds, rates in bytes a second, as one rank has them while
    nothing else runs."""
    image: float  # computing: forward and backward, an image
    fixed: float  # and a step, however small
    copy: float  # between a device's memory and the host's
    add: float  # of the gradients that a rank reads to add them up
    update: float  # of all parameters
    inner: float  # MPI between ranks of a machine, to or from one rank
    outer: float  # MPI between machines, all ranks of a machine together
    memory: float  # the host's, which its ranks share
    latency: float = 2e-6  # of a message
    message: float = 1e-6  # what each further one costs its rank
    pause: float = 1e-4  # between two questions whether a collective is done
    near: int = 8  # ranks on a machine
    cores: int = 0  # which its ranks share; 0: each rank has its own


def collective(m, ranks, sent):
    """All to all, or all gather: a rank sends `sent` bytes, P-1 messages of a
    P-th of them or the like, and receives as many."""
    if ranks == 1:
        return 0
    near = min(m.near, ranks)
    outside = sent * (ranks - near) / (ranks - 1)
    return (m.latency + (ranks - 1) * m.message + m.pause / 2 +
            (sent - outside) / m.inner + outside * near / m.outer)


def step(m, ranks, images, buckets=0):
    """A step of `ranks` ranks with `images` images each: its phases.  With
    buckets, gradients leave while backward still computes the others."""
    near = min(m.near, ranks)
    busy = max(1, near / m.cores) if m.cores else 1
    at_once = min(near, m.cores or near)
    add = min(m.add, m.memory / (3 * at_once))  # reads two, writes one
    others = VECTOR * (ranks - 1) / ranks
    mine = VECTOR / ranks
    t = {"compute": busy * max(m.fixed, m.fixed * bool(m.cores) +
                               m.image * images)}
    if ranks == 1:
        return {**t, "update": m.update}
    t["wait"] = 2 * (m.latency + (ranks - 1) * m.message + m.pause / 2)
    read = busy * VECTOR / m.copy
    t["exchange"] = busy * collective(m, ranks, others)
    t["sum"] = busy * VECTOR / add
    if buckets:
        # All but the last bucket can hide, if backward is long enough.
        t["exchange"] += (buckets - 1) * (m.latency + (ranks - 1) * m.message)
        whole = read + t["exchange"] + t["sum"]
        left = max(whole / buckets, whole - BACKWARD * t["compute"])
        read, t["exchange"], t["sum"] = (left / whole * x for x in (
            read, t["exchange"], t["sum"]))
    t["copies"] = read + busy * (2 * mine + others) / m.copy
    t["update"] = busy * m.update / ranks
    t["new weights"] = busy * collective(m, ranks, others)
    return t


# Two cores of an AMD EPYC without AVX-512, PoCL 3.1 with one thread a rank,
# Open MPI 4.1.4 through shared memory.  A step of one image takes a core 0.153 s.
# A core copies 41 MB in 4.3 ms, adds as many in 7.9 ms; two ranks exchange the
# halves of 41 MB in 9 ms.
HERE = Machine(image=0.095, fixed=0.058, copy=9.5e9, add=5.2e9, update=0.008,
               inner=2.2e9, outer=1, memory=29e9, near=10**6, cores=2)

# An NVIDIA H200 of doc/benchmarks.md: 1,900 images a second at batch 32, and as
# many at 128.  The rest is assumed: a step of 570 launches takes 3 ms at least,
# copies are of ordinary memory (not pinned) over PCIe, a host core adds 8 GB/s.
H200 = Machine(image=1 / 1900, fixed=3e-3, copy=8e9, add=8e9, update=1e-4,
               inner=6e9, outer=100e9 / 8, memory=300e9)


def total(t):
    return sum(t.values())


def table(head, rows):
    print("| %s |\n|%s" % (" | ".join(head), "---|" * len(head)))
    for row in rows:
        print("| %s |" % " | ".join(row))
    print()


def ms(seconds):
    return "%.1f" % (1e3 * seconds)


def efficiency(m, ranks, images, buckets=0):
    return (total(step(m, 1, images)) / total(step(m, ranks, images, buckets)))


PHASES = ("compute", "wait", "copies", "exchange", "sum", "update",
          "new weights")


def here():
    print("### Ranks of one thread on these two cores\n")
    rows = []
    for ranks, images in ((2, 1), (2, 4), (2, 16), (4, 1), (8, 1), (16, 1)):
        t = step(HERE, ranks, images)
        # Ranks beyond the cores can add nothing.
        ideal = min(ranks, HERE.cores) * images / total(step(HERE, 1, images))
        rate = ranks * images / total(t)
        rows.append(["%d" % ranks, "%d" % images] +
                    [ms(t[p]) for p in PHASES] +
                    [ms(total(t)), "%.0f %%" % (100 * rate / ideal),
                     "%.1f %%" % (100 - 100 * t["compute"] / total(t))])
    table(["ranks", "images each", *PHASES, "step, ms", "of the cores' rate",
           "all but computing"], rows)


def one_machine():
    print("### 8 GPUs in a machine\n")
    rows = []
    for images in (8, 32, 128):
        for buckets in (0, 8):
            t = step(H200, 8, images, buckets)
            rows.append(["%d" % images, "8 buckets" if buckets else "no"] +
                        [ms(t[p]) for p in PHASES] +
                        [ms(total(t)), "%.0f" % (8 * images / total(t)),
                         "%.0f %%" % (100 * efficiency(H200, 8, images,
                                                       buckets))])
    table(["images a GPU", "overlap", *PHASES, "step, ms", "images/s",
           "efficiency"], rows)


LINKS = (25, 100, 400)


def over(gigabits):
    return replace(H200, outer=gigabits * 1e9 / 8)


def weak():
    print("### Weak scaling: 32 images a GPU, 8 GPUs a machine\n")
    rows = []
    for ranks in (8, 64, 512, 4096):
        row = ["{:,}".format(ranks), "{:,}".format(32 * ranks)]
        for link in LINKS:
            for buckets in (0, 8):
                t = total(step(over(link), ranks, 32, buckets))
                row.append("%s (%.0f %%)" % (
                    "{:,.0f}".format(32 * ranks / t),
                    100 * efficiency(over(link), ranks, 32, buckets)))
        rows.append(row)
    table(["GPUs", "batch"] + ["%d Gb/s%s" % (link, overlap) for link in LINKS
                               for overlap in ("", ", overlap")], rows)


def strong():
    print("### Strong scaling: a batch of 4,096 images, 8 GPUs a machine\n")
    rows = []
    for ranks in (8, 64, 512, 4096):
        row = ["{:,}".format(ranks), "%d" % (4096 // ranks)]
        for link in LINKS:
            row.append(ms(total(step(over(link), ranks, 4096 // ranks))))
        rows.append(row)
    table(["GPUs", "images a GPU"] + ["ms a step, %d Gb/s" % link
                                      for link in LINKS], rows)


def exchanges(m, ranks):
    """Seconds of both exchanges as they are, and in two levels: within a machine,
    then between the ranks of all machines that have the same piece."""
    flat = 2 * collective(m, ranks, VECTOR * (ranks - 1) / ranks)
    near = min(m.near, ranks)
    hosts = ranks // near
    within = 2 * collective(m, near, VECTOR * (near - 1) / near)
    piece = VECTOR / near * (hosts - 1) / hosts
    between = 2 * (m.latency + (hosts - 1) * m.message +
                   m.pause / 2 + piece * near / m.outer)
    return flat, within + between


def sums():
    print("### The two exchanges, ms: sharded over all ranks, and in two "
          "levels\n")
    rows = []
    for ranks in (64, 512, 4096, 32768):
        row = ["{:,}".format(ranks),
               "%.1f KB" % (VECTOR / ranks / 1e3),
               ms((ranks - 1) * H200.message * 2)]
        for link in LINKS:
            row += [ms(x) for x in exchanges(over(link), ranks)]
        rows.append(row)
    table(["GPUs", "a piece", "of which messages"] +
          ["%d Gb/s%s" % (link, level) for link in LINKS
           for level in ("", ", two levels")], rows)


def measured(paths):
    """Computing is what the ranks alone took; all else is the model's."""
    rows = []
    for path in paths:
        with open(path) as file:
            o = json.load(file)
        ranks = o["ranks"]
        images = ranks[0]["images"]
        alone = statistics.median(r["images"] / r["alone_images_per_second"]
                                  for r in ranks)
        m = replace(HERE, image=0, fixed=alone - HERE.update)
        model = step(m, len(ranks), images)
        is_ = statistics.median(o["seconds_per_step"])
        rest = statistics.mean(sum(v for k, v in r["seconds_per_step"].items()
                                   if k not in ("compute", "wait"))
                               for r in ranks)
        of_model = total(model) - model["compute"] - model["wait"]
        rows.append(["%d" % len(ranks), "%d" % images, ms(alone), ms(is_),
                     ms(total(model)), "%.2f" % (total(model) / is_),
                     ms(rest), ms(of_model),
                     "%.0f MB" % (max(r["peak_memory_bytes"]
                                      for r in ranks) / 1e6)])
    table(["ranks", "images each", "a rank alone, ms", "a step, ms", "the model",
           "model / step", "all but computing and waiting, ms", "the model",
           "memory of a rank"], rows)


def main():
    if sys.argv[1:]:
        measured(sys.argv[1:])
        return
    here()
    one_machine()
    weak()
    strong()
    sums()


if __name__ == "__main__":
    main()
