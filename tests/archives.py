# SPDX-License-Identifier: Apache-2.0
"""Make archives like that of CIFAR-10's binary version in the folder argv[1]:
good ones, and one with each fault.  Their files have a few records only.  Beside
them are the folder of a good one, and folders of other versions."""
import gzip
import io
import os
import random
import sys
import tarfile

RECORD = 3073
TOP = "cifar-10-batches-bin/"
ORDER = [1, 3, 4, "test", 5, 2]  # not in order of name, as the published one


def records(n, seed):
    """n records with labels 0, 1, ...; the pixels are random."""
    rng = random.Random(seed)
    return b"".join(bytes([i % 10]) + rng.randbytes(RECORD - 1)
                    for i in range(n))


def files(n=8):
    """The names and bytes of the files."""
    made = [(TOP + "batches.meta.txt", b"airplane\nautomobile\nbird\ncat\n"
             b"deer\ndog\nfrog\nhorse\nship\nlorry\n\n")]
    for part in ORDER:
        name = "test_batch" if part == "test" else "data_batch_%d" % part
        made.append((TOP + name + ".bin", records(n, str(part))))
    made.append((TOP + "readme.html", b"<html></html>\n"))
    return made


def entry(name, data=b"", **kind):
    """A member and its bytes."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in kind.items():
        setattr(member, key, value)
    return member, data


def link(name, kind, to):
    return entry(name, type=kind, linkname=to)


def folder(name):
    return entry(name, type=tarfile.DIRTYPE, mode=0o755)


def pack(members):
    """The bytes of a tar archive, not compressed."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return raw.getvalue()


def members(made):
    return [folder(TOP)] + [entry(name, data) for name, data in made]


def write(path, raw):
    with open(path, "wb") as file:
        file.write(raw)


def write_folder(out, made):
    for name, data in made:
        path = "%s/%s" % (out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, data)


def main(out):
    good = files()
    write_folder(out, good)
    write_folder(out, [("cifar-10-batches-py/data_batch_1", b"pickle"),
                       ("pickled/data_batch_1", b"pickle"),
                       ("matlab/data_batch_1.mat", b"MATLAB 5.0")])
    parts = dict(good)
    first = TOP + "data_batch_1.bin"

    def make(name, them):
        write("%s/%s.tar.gz" % (out, name), gzip.compress(pack(them), 6, mtime=0))

    def without(name):
        return [pair for pair in good if pair[0] != name]

    def instead(name, data):
        return [(n, data if n == name else d) for n, d in good]

    whole = pack(members(good))
    zipped = gzip.compress(whole, 6, mtime=0)
    write(out + "/good.tar.gz", zipped)
    write(out + "/good.tar", whole)
    make("other", members(files(4)))
    make("dotted", [entry("./" + n, d) for n, d in good])
    make("cifar-10-python", members(
        [("cifar-10-batches-py/data_batch_1", b"pickle")]))
    make("cifar-10-matlab", members(
        [("cifar-10-batches-mat/data_batch_1.mat", b"MATLAB 5.0")]))
    write(out + "/python.tar.gz", open(out + "/cifar-10-python.tar.gz",
                                       "rb").read())

    # Members that no archive of images has.
    make("up", members(good) + [entry(TOP + "../escaped", b"x")])
    make("up-first", [entry("../../escaped", b"x")] + members(good))
    make("up-folder", [folder("../up/")] + members(good))
    make("absolute", members(good) + [entry("/tmp/clade-escaped", b"x")])
    make("symlink", members(good) + [link(TOP + "link", tarfile.SYMTYPE,
                                          "/etc/passwd")])
    make("through", [link(TOP.rstrip("/"), tarfile.SYMTYPE, "..")] +
         members(good)[1:])
    make("hardlink", members(without(first)) +
         [link(first, tarfile.LNKTYPE, "/etc/passwd")])
    make("fifo", members(good) + [entry(TOP + "fifo", type=tarfile.FIFOTYPE)])
    make("foreign", members(good + [(TOP + "evil.sh", b"x")]))
    make("elsewhere", members(good + [("test_batch.bin", b"x")]))
    make("deep", members(good + [(TOP + "a/test_batch.bin", b"x")]))
    make("escape", members(good + [(TOP + "\033[2Jx", b"x")]))
    make("many", members(good) + [folder("%sf%d/" % (TOP, i))
                                  for i in range(200)])
    make("twice", members(good) + [entry(first, parts[first])])
    make("missing", members(without(TOP + "data_batch_3.bin")))
    make("no-test", members(without(TOP + "test_batch.bin")))

    # Files that are not as long as they may be.
    make("long", members(instead(first, bytes(30730000 + RECORD))))
    make("long-text", members(instead(TOP + "readme.html", bytes(4097))))
    make("odd", members(instead(first, parts[first][:-1])))
    make("empty-file", members(instead(first, b"")))
    make("names", members(instead(TOP + "batches.meta.txt", b"airplane\n")))
    make("binary-names", members(instead(TOP + "batches.meta.txt", b"\0\n")))
    make("label", members(instead(first, b"\x0a" + parts[first][1:])))

    # A member that says that it has more bytes than follow.
    header = entry(first, bytes(RECORD * 9))[0].tobuf(tarfile.GNU_FORMAT)
    write(out + "/promise.tar.gz", gzip.compress(header + bytes(512), mtime=0))

    # What is damaged as a whole.
    write(out + "/cut.tar.gz", zipped[:len(zipped) // 2])
    write(out + "/cut.tar", whole[:len(whole) // 2])
    turned = bytearray(zipped)
    turned[len(turned) // 2] ^= 0x55
    write(out + "/damaged.tar.gz", bytes(turned))
    write(out + "/empty.tar.gz", b"")
    write(out + "/nothing.tar.gz", gzip.compress(b"", mtime=0))
    write(out + "/text.tar.gz", b"<html>404</html>\n" * 100)
    write(out + "/zip.tar.gz", b"PK\x03\x04" + bytes(100))
    checksum = bytearray(whole)
    checksum[0] ^= 1
    write(out + "/checksum.tar.gz", gzip.compress(bytes(checksum), mtime=0))


main(sys.argv[1])
