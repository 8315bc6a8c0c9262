# SPDX-License-Identifier: Apache-2.0
"""Put a row into the table "Runtimes" of doc/drivers.md.

usage: runtimes.py drivers.md FOLDER

FOLDER has the name of the runtime and the files that runtimes.sh left in it.
The row takes the place of that of the same runtime on the same processor.
"""
import json
import os
import re
import signal
import sys

START = "<!-- runtimes: written by `make check-runtimes` -->"
END = "<!-- end of runtimes -->"
OUTCOMES = ("ok", "FAILED", "MISTRUSTED")
LONGEST = 300  # characters of what a row says about a failure


def read(folder, name):
    with open(os.path.join(folder, name), errors="replace") as file:
        return file.read()


def processor():
    """What results depend on: the widest vectors, and the processor's name."""
    with open("/proc/cpuinfo") as file:
        found = dict(re.findall(r"^(.+?)\s*: (.*)$",
                                file.read().split("\n\n")[0], re.M))
    flags = found["flags"].split()
    widest = [f for f in ("avx512f", "avx2", "sse2") if f in flags][0]
    return "%s, %s (family %s, model %s)" % (
        widest, found["model name"], found["cpu family"], found["model"])


def driver(folder):
    """The driver's version, from the table of `clade devices`."""
    lines = read(folder, "devices").splitlines()
    columns = [re.split(r"  +", line) for line in lines]
    rows = [c for c in columns if c[0].startswith("opencl:")]
    return rows[0][columns[0].index("driver")] if rows else ""


def report(folder):
    """The verdicts and the error of the device.  A verify that died before it
    could write a report has none."""
    try:
        device = json.loads(read(folder, "report.json"))["devices"][0]
        return device["verdicts"], device["error"]
    except (ValueError, LookupError):
        return [], None


def failure(folder, status, verdicts, error):
    """What the first failed verdict says; without one, why verify failed."""
    for v in verdicts:
        if v["outcome"] != "ok":
            return "%s, %s: %s" % (
                v["op"], v["algorithm"], v["message"] or "%s is %s, not %s" % (
                    v["worst"], v["got"], v["want"]))
    if status == 0:
        return ""
    words = [error or read(folder, "log")]
    if status == 124:
        words.insert(0, "out of time")
    elif status > 128:
        words.insert(0, signal.Signals(status - 128).name)
    return ": ".join(words)


def row(folder):
    status = int(read(folder, "status"))
    verdicts, error = report(folder)
    outcomes = [v["outcome"] for v in verdicts]
    said = " ".join(failure(folder, status, verdicts, error).split())
    if len(said) > LONGEST:
        said = said[:LONGEST].rsplit(" ", 1)[0] + " ..."
    # Without verdicts nothing runs, so the reproducers say nothing.
    faults = read(folder, "faults").split() if verdicts else []
    return [os.path.basename(folder), driver(folder), processor(), str(status),
            *[str(outcomes.count(o)) for o in OUTCOMES],
            said.replace("|", "\\|"), ", ".join(faults)]


def key(line):
    """The runtime and the processor of a row."""
    columns = line.strip("| ").split(" | ")
    return columns[0], columns[2]


def main(table, folder):
    text = read("", table)
    line = "| " + " | ".join(row(folder)) + " |"
    before, rest = text.split(START)
    old, after = rest.split(END)
    lines = old.strip().splitlines()
    rows = {key(one): one for one in lines[2:] + [line]}
    lines[2:] = [rows[k] for k in sorted(rows)]
    with open(table, "w") as file:
        file.write(before + START + "\n" + "\n".join(lines) + "\n" + END +
                   after)
    print(line)


main(*sys.argv[1:])
