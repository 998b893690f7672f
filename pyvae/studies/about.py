"""about.json: what a run ran on and how long it took; no part of its results, which are the same bits anywhere."""

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import pyvae
from pyvae.files import atomic_write_text
from pyvae.info import processor

ABOUT = "about.json"


@contextmanager
def timed(out: Path, phase: str) -> Iterator[None]:
    """Adds the seconds of what is done inside, finished or not, to the run's `phase`; notes what it runs on."""
    start = time.monotonic()
    try:
        yield
    finally:
        seconds = read_about(out).get("seconds", {})
        seconds[phase] = round(seconds.get(phase, 0.0) + time.monotonic() - start, 2)
        note(out, seconds=seconds)


def note(out: Path, **facts: Any) -> None:
    """Adds facts to what is noted of a run, beside those of what it runs on."""
    atomic_write_text(out / ABOUT, json.dumps({**read_about(out), **_facts(), **facts}, indent=2) + "\n")


def note_device(out: Path, device: str) -> None:
    """Adds a device to those that the run was trained on."""
    before = read_about(out).get("devices", [])
    note(out, devices=[*before, *([] if device in before else [device])])


def read_about(out: Path) -> dict[str, Any]:
    """What is noted of a run; empty where nothing is, as in runs of earlier versions."""
    try:
        about: dict[str, Any] = json.loads((out / ABOUT).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return about


def told(about: dict[str, Any]) -> str:
    """The same as a sentence; empty where nothing is noted."""
    if not about:
        return ""
    minutes = sum(about["seconds"].values()) / 60
    return (
        f"pyvae {about['pyvae']}, torch {about['torch']}, Python {about['python']}, {about['threads']} threads of "
        f"{about['processor']} ({about['instruction set']}); {minutes:.1f} minutes, "
        + ", ".join(f"{phase} {seconds / 60:.1f}" for phase, seconds in about["seconds"].items())
        + (f"; steps by {about['steps by']}" if "steps by" in about else "")
        + (f", on {', '.join(about['devices'])}" if "devices" in about else "")
        + "."
    )


def _facts() -> dict[str, str]:
    return {
        "pyvae": pyvae.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": processor(),
        "instruction set": pyvae.cpu_isa(),
        "threads": str(torch.get_num_threads()),
    }
