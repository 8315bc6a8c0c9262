# SPDX-License-Identifier: Apache-2.0
"""What the checks of other programs' networks share: TAP, and clade's answers."""
import os
import re
import subprocess
import sys
import textwrap

import numpy as np

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "examples"))
import clade_numpy  # noqa: E402

BOUND = 3e-5  # of the logits' RMS
HEADS = ("classifier", "aux1", "aux2")
number = 0


def report(passed, name, note=""):
    global number
    number += 1
    print("%sok %d - %s" % ("" if passed else "not ", number, name), flush=True)
    if note and not passed:
        print("# %s" % note)


def plan():
    print("1..%d" % number)


def clade(*words):
    """What the command prints."""
    return subprocess.run([os.environ["CLADE"], *words], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def train():
    """The checkpoint of a training of one step."""
    clade("train", "--quiet", "--device", os.environ["DEVICE"], "--batch", "2",
          "--train-count", "2", "--test-count", "2", "--epochs", "1",
          "--out", "run")
    return "run/checkpoint.safetensors"


def answers(weights, count):
    """What clade computes of the first test images: see logits.c."""
    words = [os.environ["LOGITS"], os.environ["DEVICE"], weights, str(count),
             "answer.safetensors"]
    if os.environ.get("CLADE_CIFAR10_DIR"):
        words.append(os.environ["CLADE_CIFAR10_DIR"])
    subprocess.run(words, check=True)
    answer = clade_numpy.load("answer.safetensors")
    for name in ("images", "labels"):
        answer[name] = answer[name].astype(np.uint8)
    return answer


def evaluate(weights, images, labels):
    """Loss and accuracy of each head, as `clade eval` prints them.  The images
    stay in a folder of the name that the recipes have."""
    records = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2)
                              .reshape(len(images), -1)], axis=1)
    os.makedirs("cifar-10-batches-bin", exist_ok=True)
    records.tofile("cifar-10-batches-bin/test_batch.bin")
    lines = clade("eval", "--device", os.environ["DEVICE"], "--checkpoint",
                  weights, "--data", "cifar-10-batches-bin", "--test-count",
                  str(len(images)), "--batch", "20").splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    return [tuple(float(v) for v in rows[head]) for head in HEADS]


def figures(probabilities, labels):
    """The same of a head's probabilities, which another program computed."""
    picked = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return (-np.log(picked).mean(),
            (probabilities.argmax(1) == labels).mean())


def check_figures(who, wanted, found):
    """Compare loss and accuracy of all heads; `wanted` is rounded."""
    close = all(abs(a[0] - b[0]) < 1e-4 for a, b in zip(wanted, found))
    same = all(abs(a[1] - b[1]) < 1e-4 for a, b in zip(wanted, found))
    note = "clade %s, %s %s" % (wanted, who, found)
    report(close, "the losses of the three heads are %s's: %s" % (
        who, " ".join("%.4f" % loss for loss, _ in wanted)), note)
    report(same, "so are the accuracies: %s" % " ".join(
        "%.4f" % accuracy for _, accuracy in wanted), note)


def check_logits(who, wanted, found):
    rms = np.sqrt(np.mean(np.square(wanted, dtype=np.float64)))
    worst = np.abs(found - wanted).max() / rms
    report(worst <= BOUND, "%s's logits of %d images differ by at most %g of "
           "their RMS: %.2g" % (who, len(wanted), BOUND, worst))
    top = np.sort(wanted, axis=1)
    clear = top[:, -1] - top[:, -2] > 2 * BOUND * rms
    same = wanted.argmax(1) == found.argmax(1)
    report(bool(np.all(same | ~clear)), "the classes are the same, but where the "
           "top two are too close: in %d images" % np.sum(~clear))
    report(len(set(wanted.argmax(1))) >= 2 and clear.mean() > 0.9,
           "these are of %d classes, and most are clear" %
           len(set(wanted.argmax(1))))


def check_same(a, b, name):
    a, b = clade_numpy.load(a), clade_numpy.load(b)
    report(a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a),
           name)


def run_recipe(section, **names):
    """Run the Python of a section of doc/interchange.md, which begins with an
    import; return its names."""
    path = os.path.join(os.environ["SRCDIR"], "doc/interchange.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = text.split("\n## %s\n" % section)[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n)+", text, re.M)
    code, = [b for b in blocks if b.startswith("    import ")]
    exec(textwrap.dedent(code), names)
    return names


def make_weights(shapes):
    """Random weights that tell images apart: the signal neither fades nor grows
    from layer to layer (He et al., 2015), and a kernel's mean is 0, so that it
    passes no brightness on.  `shapes` are weights with the names and shapes.  Of
    eight seeds, this one spreads images over the most classes."""
    rng = np.random.default_rng(8)
    weights = {}
    for name in sorted(shapes):
        shape = shapes[name].shape
        if name.endswith("/kernel"):
            kernel = rng.normal(0, 1, shape)
            kernel -= kernel.mean(tuple(range(len(shape) - 1)))
            weights[name] = kernel * np.sqrt(2 / np.prod(shape[:-1]))
        else:
            weights[name] = rng.normal(0, 0.1, shape)
    return weights
