"""What a result was measured on: enough to compare by, without the names of hosts or paths."""

import datetime
import os
import re

import torch

import pyvae
from pyvae.info import processor

NOT_COMPARED = ("load", "date")
BUSY = 0.5
"""Load before the start above which other programs take a good part of a processor."""


def busy_warning() -> str | None:
    """A sentence if other programs are running, since their time would be counted."""
    load = os.getloadavg()[0]
    return f"this machine is busy (load {load:.1f}): times and ratios will be off" if load > BUSY else None


def machine_facts() -> dict[str, str]:
    """Label and value; all but NOT_COMPARED say whether two results can be compared."""
    return {
        "processor": processor(),
        "instruction set": pyvae.cpu_isa(),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "pyvae": pyvae.__version__,
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "date": datetime.date.today().isoformat(),
    }


def machine_name() -> str:
    """A folder name for results: processor, instruction set, threads."""
    words = f"{processor()} {pyvae.cpu_isa()} {torch.get_num_threads()} threads"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


if __name__ == "__main__":
    print(machine_name())
