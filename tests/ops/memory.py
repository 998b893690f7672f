"""How far the peak of memory grows during a call, in a process of its own.

The peak is VmHWM, which is that of the process alone. The one that getrusage tells starts from its parent's: below a
test run that has held much itself, nothing would ever grow.
"""

import subprocess
import sys

PROBE = """
import re, sys, torch, pyvae
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
def run(m):
    a, b, c = (torch.randn(m, 10).requires_grad_() for _ in range(3))
    before = peak()
    {call}
    return peak() - before
run(64)  # loads everything
print(run(int(sys.argv[1])))
"""


def growth(call: str, m: int) -> float:
    """MiB, at least 0, by which the peak grows in a statement of `m` and leaves a, b and c [m, 10], which includes its
    backward pass.
    """
    command = [sys.executable, "-c", PROBE.format(call=call), str(m)]
    found = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found > 0, "the probe sees no memory"  # results and gradients alone take some
    return found
