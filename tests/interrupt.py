# SPDX-License-Identifier: Apache-2.0
"""Run a command, interrupt it, and end with its exit code:

    interrupt.py FILE BYTES COMMAND...

sends SIGINT once FILE has so many bytes.  (A shell's jobs ignore SIGINT.)"""
import os
import signal
import subprocess
import sys
import time

path, size = sys.argv[1], int(sys.argv[2])
child = subprocess.Popen(
    sys.argv[3:], preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                   signal.SIG_DFL))
while child.poll() is None and not (os.path.exists(path) and
                                    os.path.getsize(path) >= size):
    time.sleep(0.01)
if child.poll() is None:
    child.send_signal(signal.SIGINT)
sys.exit(child.wait() if child.returncode is None else child.returncode)
