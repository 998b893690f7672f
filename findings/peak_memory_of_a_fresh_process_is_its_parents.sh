#!/usr/bin/env bash
# The peak memory of a fresh process, as getrusage tells it, starts from the peak of the one that started it.
#
# One would guess: a script that runs each measurement in a process of its own, and there reads
# `resource.getrusage(RUSAGE_SELF).ru_maxrss` before and after a call, sees what the call takes. That is why it starts a
# process for each.
#
# What happens (Python 3.11.7, Linux 6.18, numpy 2.4.6): the counter survives exec. Started by a parent that holds
# 512 MiB, a program of 9 MiB reports a peak of more than 512 before it has done anything, and any call that takes less
# than that adds 0. VmHWM of /proc/self/status is the process's own and reports 9.
#
# Why it matters to VAE work: claims such as "linear memory" or "fits the card's host" are held by tests of this kind, run
# below a test runner or a training script that has held gigabytes itself. They then pass whatever the code takes, an
# M x M x D tensor too, and pass or fail with the order of the tests.
#
# What it means for pyvae: tests/ops/memory.py and benchmarks/mmd.py read VmHWM, and the tests refuse a growth of 0. Two
# tests that had read the other one had passed at a bar of 20 MiB; what the calls take is 23 and 25.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
cat > "$folder/parent.py" <<'PY'
import subprocess
import sys

import numpy as np

CHILD = r"""
import re, resource
own = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
taken = bytearray(100 << 20)  # a call that takes 100 MiB, written to
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(before // 1024, (after - before) // 1024, own // 1024)
"""


def told():
    out = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout
    return [int(word) for word in out.split()]


alone = told()
held = np.ones(64 << 20)  # 512 MiB
below = told()
for name, (before, growth, own) in {"a small parent": alone, "one that holds 512 MiB": below}.items():
    print(f"below {name}: ru_maxrss {before} MiB at the start, grows by {growth} in a call of 100; VmHWM {own}")
assert alone[1] > 80 and alone[2] < 60, "the small parent's child does not see its own call"
assert below[0] > 500 and below[1] == 0 and below[2] < 60, "the peak is no longer the parent's"
print("as described")
PY
"$folder/venv/bin/python" "$folder/parent.py"
# below a small parent: ru_maxrss 25 MiB at the start, grows by 83 in a call of 100; VmHWM 9
# below one that holds 512 MiB: ru_maxrss 537 MiB at the start, grows by 0 in a call of 100; VmHWM 9
