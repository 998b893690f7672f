"""Sweeps by the command line in a process of their own, and what tests do to those who work at them."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.parquet as pq

from pyvae.sweeps.names import FOLDER, LOG, RESULTS, ROWS, RUN, WAYS

T = TypeVar("T")

CONFIG = """
study: biased-grid
preset: quick
set: {mus: [0], steps: 10_000, hidden: [32], latents: 16, blocks: 2, pixels: 4, batch_size: 16, validation_images: 16,
  curve_every: 16, validate_every: 64, information_images: 32, sample_images: 2, baseline_runs: 1, warmup_steps: 0,
  checkpoint_seconds: 0.3}
axes: {strengths: [1, 4], learning_rate: [1e-3, 2e-3], seeds: [0]}
"""
"""4 cells, of which two can be trained together: two shards of some seconds each."""
SHARD_SIZE = 2
SECONDS = 180.0
"""What is waited for longer than this never comes."""


def copied(out: Path, alone: Path) -> Path:
    """A folder for a sweep with what was measured when `alone` was begun: another start may choose other ways."""
    out.mkdir()
    shutil.copy(alone / WAYS, out)
    return out


def started(out: Path, alone: Path, *options: str) -> subprocess.Popen[str]:
    """`pyvae sweep` of CONFIG, begun or gone on with."""
    config = out.with_suffix(".yaml")
    if not out.exists():
        copied(out, alone)
        config.write_text(CONFIG)
    size = ["--shard-size", str(SHARD_SIZE), "--attempts", "100"]
    command = [sys.executable, "-m", "pyvae", "sweep", str(config), "--out", str(out), *size, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(sweep: subprocess.Popen[str], code: int = 0) -> str:
    """What a sweep has printed, on either stream, once it has ended with this code."""
    printed = " ".join("".join(sweep.communicate(timeout=SECONDS)).split())
    assert sweep.returncode == code, printed
    return printed


def eventually(found: Callable[[], T], sweep: subprocess.Popen[str]) -> T:
    """The first result that is true, of a function that looks at a sweep that runs."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if result := found():
            return result
        assert sweep.poll() is None, "".join(sweep.communicate())
        time.sleep(0.01)
    raise AssertionError(f"nothing after {SECONDS} seconds")


def training(out: Path) -> dict[str, int]:
    """The shards that have a checkpoint and no rows yet, each with the number of the process that is at it."""
    folders = {path.parents[len(path.relative_to(out / FOLDER).parts) - 2] for path in _manifests(out)}
    return {folder.name: starts(folder)[-1] for folder in folders if not (folder / ROWS).exists()}


def _manifests(out: Path) -> list[Path]:
    return list((out / FOLDER).glob(f"*/{RUN}/checkpoint/**/current.manifest"))


def starts(shard: Path) -> list[int]:
    """The numbers of the processes that have worked at a shard, in turn."""
    return [int(number) for number in re.findall(r"^--- .*, process (\d+)$", (shard / LOG).read_text(), re.MULTILINE)]


def continued(shard: Path) -> bool:
    """Whether its last attempt went on from a checkpoint."""
    return "from step" in (shard / LOG).read_text().rpartition("--- ")[2]


def results(out: Path) -> list[dict[str, Any]]:
    """Every cell with what came of it."""
    rows: list[dict[str, Any]] = pq.read_table(out / RESULTS).to_pylist()
    return rows


def assert_same(out: Path, alone: Path) -> None:
    """The same bits, in the table of all and in the files of each shard."""
    assert results(out) == results(alone) and len(results(out)) == 4
    for path in (alone / FOLDER).glob(f"*/{ROWS}"):
        assert (out / path.relative_to(alone)).read_bytes() == path.read_bytes()
