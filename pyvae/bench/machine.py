"""What a result was measured on: enough to compare by, without the names of hosts or paths."""

import datetime
import os
import platform
import re
from pathlib import Path

import torch

import pyvae

NOT_COMPARED = ("load", "date")
BUSY = 0.5
"""Load before the start above which other programs take a good part of a processor."""


def busy_warning() -> str | None:
    """A sentence if other programs are running, since their time would be counted."""
    load = os.getloadavg()[0]
    return f"this machine is busy (load {load:.1f}): times and ratios will be off" if load > BUSY else None


def processor() -> str:
    """The processor's model where the system tells it, else its architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    return named_in(text) or platform.machine()


def named_in(cpuinfo: str) -> str | None:
    """The first processor's model; with its family and number where the name has none, as in many virtual machines."""

    def value(label: str) -> str:
        found = re.search(rf"^{label}\s*: (.+)$", cpuinfo, re.MULTILINE)
        return found[1].strip() if found else ""

    name, family, model = value("model name"), value("cpu family"), value("model")
    vague = bool(family and model) and not re.search(r"\d", name)
    return (f"{name} family {family} model {model}" if vague else name) or None


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
