"""What measuring scripts share: --out, the machine as it was at the start, one JSON file at the end."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from pyvae.bench.machine import busy_warning, machine_facts, machine_name
from pyvae.files import atomic_write_text

RESULTS = Path(__file__).parent / "results"


def parser_of(description: str | None, writes: str) -> argparse.ArgumentParser:
    """A parser with --out, the folder of what the script writes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help=f"folder for {writes}; that of this machine's results by default")
    return parser


@dataclass(frozen=True)
class Script:
    """Where results go, and what they were measured on."""

    out: Path
    machine: dict[str, str]

    def save(self, name: str, facts: dict[str, object]) -> None:
        """Writes the facts, those of the machine first, as a JSON file."""
        self.out.mkdir(parents=True, exist_ok=True)
        atomic_write_text(self.out / name, json.dumps({"machine": self.machine, **facts}, indent=1) + "\n")


def begin(arguments: argparse.Namespace, threads: int | None = None) -> Script:
    """Looks at the machine before anything is measured, and says so if it is busy; torch takes `threads`, if given."""
    out = arguments.out or RESULTS / machine_name()
    if threads is not None:
        torch.set_num_threads(threads)
    if warning := busy_warning():
        print(f"warning: {warning}")
    return Script(out, machine_facts())
