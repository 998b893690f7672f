"""A sweep whose processes are killed with -9 at random times, and started again until it is done.

`python -m tests.sweeps.kills 200` asks for so many kills.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from pyvae.sweeps.names import FOLDER, RESULTS, ROWS

CONFIG = """
study: biased-grid
preset: quick
set: {{mus: 0, steps: {steps}, hidden: 32, latents: 16, blocks: 2, pixels: 4, batch_size: 16, validation_images: 16,
  curve_every: 16, validate_every: 64, information_images: 32, sample_images: 2, baseline_runs: 1, warmup_steps: 0,
  checkpoint_seconds: 0.3}}
axes: {{strengths: [1, 4], learning_rate: [1e-3, 2e-3, 4e-3, 8e-3], seeds: {seeds}}}
"""
SHARD_SIZE = 4
PAUSE = (0.1, 6.0)
"""Seconds between two kills: an interpreter with torch needs some of them to start."""


class Kills(NamedTuple):
    """How often each was killed, and the finished shards that were seen."""

    coordinators: int
    workers: int
    finished: int


def swept(folder: Path, steps: int, seeds: int) -> list[str]:
    """The command of a sweep whose config is written beside its folder."""
    config = folder.with_suffix(".yaml")
    config.write_text(CONFIG.format(steps=steps, seeds=list(range(seeds))))
    where = ["--out", str(folder), "--workers", "2", "--threads", "1", "--shard-size", str(SHARD_SIZE)]
    return [sys.executable, "-m", "pyvae", "sweep", str(config), *where, "--attempts", "1000"]


def killed(folder: Path, kills: int, *, steps: int, seeds: int, seed: int = 0) -> Kills:
    """Runs a sweep to its end with so many kills; AssertionError where a finished shard is computed again."""
    command, draw = swept(folder, steps, seeds), random.Random(seed)
    found: dict[str, tuple[int, bytes]] = {}
    counts = [0, 0]
    while True:
        coordinator = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while coordinator.poll() is None and sum(counts) < kills:
            time.sleep(draw.uniform(*PAUSE))
            look_at(folder, found)
            workers = children_of(coordinator.pid)
            is_coordinator = not workers or draw.random() < 0.3
            try:
                os.kill(coordinator.pid if is_coordinator else draw.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                continue
            counts[0 if is_coordinator else 1] += 1
        _, errors = coordinator.communicate()
        look_at(folder, found)
        if coordinator.returncode != -signal.SIGKILL:
            assert coordinator.returncode == 0, errors
            return Kills(*counts, len(found))


def look_at(folder: Path, found: dict[str, tuple[int, bytes]]) -> None:
    """Holds the rows of finished shards against what they were when they were seen first."""
    for path in folder.glob(f"{FOLDER}/*/{ROWS}"):
        now = (path.stat().st_mtime_ns, path.read_bytes())
        assert found.setdefault(path.parent.name, now) == now, f"{path} was written again"


def children_of(process: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def compared(kills: int, *, steps: int, seeds: int, folder: Path) -> Kills:
    """A sweep that is left alone and one that is killed; AssertionError unless they end with the same bits."""
    subprocess.run(swept(folder / "alone", steps, seeds), check=True, stdout=subprocess.DEVNULL)
    ways = (folder / "alone" / "ways.json").read_bytes()
    (folder / "killed").mkdir()
    (folder / "killed" / "ways.json").write_bytes(ways)  # what is measured may be another in another start
    found = killed(folder / "killed", kills, steps=steps, seeds=seeds)
    alone, other = (folder / name / RESULTS for name in ("alone", "killed"))
    assert pq.read_table(alone).equals(pq.read_table(other)), "other results"
    for path in sorted((folder / "alone").rglob("results.parquet")):
        beside = folder / "killed" / path.relative_to(folder / "alone")
        assert path.read_bytes() == beside.read_bytes(), f"other bits in {beside}"
    return found


def steps_for(kills: int) -> int:
    """So many that a sweep of 32 cells takes about as long as so many kills, of which each also costs a start."""
    return 800 * kills


def main() -> None:
    kills = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        found = compared(kills, steps=steps_for(kills), seeds=4, folder=Path(folder))
        print(f"{found}, {time.monotonic() - start:.0f} s: the same bits")


if __name__ == "__main__":
    main()
