"""Images a second of rendered sprites, of their cache and of idsprites, and beside what a training step consumes.

    python -m benchmarks.sprites                        # sprites.json into the results of this machine, two minutes
    python -m benchmarks.sprites --idsprites PYTHON     # of an environment of its own that has idsprites

One core. All ways take turns, and medians of the times and of the ratios of each turn are told. idsprites makes images
by iterating over its data set, as its readme does, with three shapes, with the mark of orientation that it draws by
default and without. The floor is the time in which this core writes an image's bytes to memory, the share that of the
floor in the time of a way. Then, for images of 64 x 64 and 32 x 32, a draw for K models beside their fused step.
"""

import functools
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.beside import Probe
from benchmarks.script import begin, parser_of
from pyvae.data import Sprites
from pyvae.losses import BernoulliReconstruction, BetaVAE
from pyvae.nn import StackedVAE
from pyvae.training import Recipe, TrainingSettings, product
from pyvae.training.chunk import Chunk
from pyvae.training.terms import Seeds

PROBE = Path(__file__).with_name("sprites_probe.py")
PEER = "idsprites"
PEERS = {
    PEER: {"img_size": 64, "shapes": 3, "count": 1000},
    f"{PEER} without a mark": {"img_size": 64, "shapes": 3, "orientation_marker": False, "count": 1000},
}
BATCHES = (64, 256, 1024)
CACHED = (3, 6, 10, 8, 8)
"""Sizes of the cache that is read: 47 MB."""
IMAGES = 4096  # of a turn
MODELS, BATCH, HIDDEN, LATENTS = 16, 64, (256, 256), 10

Call = Callable[[], object]


def random_factors(sprites: Sprites, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack([torch.randint(size, (count,), generator=generator) for size in sprites.sizes], -1)


def seconds(call: Call, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def own_ways(folder: str) -> dict[str, Callable[[], float]]:
    """Ways to 64 x 64 images, each the seconds of an image in one turn."""
    sprites, ways = Sprites(), {}
    splines = Sprites((8, 6, 40, 32, 32), splines=5)
    cached = Sprites(CACHED).cached(folder, progress=False)
    for name, data in {"rendered": sprites, "with five splines": splines, "cached": cached}.items():
        for batch in BATCHES:
            images = functools.partial(data.images, random_factors(data, batch))
            ways[f"{name}, batches of {batch}"] = per_image(images, batch)
    empty = torch.empty(BATCHES[-1], sprites.size)
    ways["floor"] = per_image(empty.zero_, BATCHES[-1])
    return ways


def per_image(call: Call, images: int) -> Callable[[], float]:
    call()
    return lambda: seconds(call, max(1, IMAGES // images)) / images


def peers(python: str) -> dict[str, Probe]:
    """idsprites in its Python; none where that has none."""
    found = subprocess.run([python, "-c", "import idsprites"], capture_output=True, check=False)
    if found.returncode:
        print(f"{PEER} is not installed in {python}: its rows are left out.")
        return {}
    return {name: Probe(python, PROBE, settings) for name, settings in PEERS.items()}


def in_turns(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _, (name, way) in itertools.product(range(rounds), ways.items()):
        times[name].append(way())
    return times


def median_ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def share(draws: list[float], steps: list[float]) -> float:
    """Of drawing, in the time of drawing and training."""
    return statistics.median(draw / (draw + step) for draw, step in zip(draws, steps, strict=True))


def images_rows(times: dict[str, list[float]]) -> list[dict[str, object]]:
    fastest_peer = min((name for name in PEERS if name in times), key=lambda n: statistics.median(times[n]), default="")
    rows = []
    for name, taken in times.items():
        row: dict[str, object] = {"way": name, "images_per_second": 1 / statistics.median(taken)}
        if name not in PEERS:
            row["share_of_floor"] = median_ratio(times["floor"], taken)
            if fastest_peer:
                row[f"over {fastest_peer}"] = median_ratio(times[fastest_peer], taken)
        rows.append(row)
        print(", ".join(f"{key} {value:.3g}" if isinstance(value, float) else value for key, value in row.items()))  # type: ignore[misc]
    return rows


def training_row(side: int, folder: str, rounds: int) -> dict[str, object]:
    """Seconds of a fused step of MODELS models, and of draws of its images."""
    data = Sprites(CACHED, side)
    recipe = Recipe(
        cells=product((0.0,), (1.0,), range(MODELS)),
        settings=TrainingSettings(batch_size=BATCH),
        data=data,
        bias=lambda cells: None,
        model=lambda models, seeds: StackedVAE(models, data.size, HIDDEN, LATENTS, seeds=seeds),
        likelihood=BernoulliReconstruction(),
        objective=BetaVAE,
        objective_settings={},
    )
    chunk = Chunk.initialised(recipe.cells, range(MODELS), recipe, "fused")
    numbers, steps = torch.arange(MODELS), itertools.count()
    x, cached = data.draw(BATCH, {"factors": numbers}).images, data.cached(folder, progress=False)

    def step() -> None:
        chunk.stepper(x, Seeds(numbers, numbers), chunk._objective, next(steps))

    ways = {
        "step": per_image(step, MODELS * BATCH),
        "rendered": per_image(lambda: data.draw(BATCH, {"factors": numbers}), MODELS * BATCH),
        "cached": per_image(lambda: cached.draw(BATCH, {"factors": numbers}), MODELS * BATCH),
    }
    times = in_turns(ways, rounds)
    row = {
        "side": side,
        "images_per_second": {name: 1 / statistics.median(taken) for name, taken in times.items()},
        "drawn over consumed": {name: median_ratio(times["step"], times[name]) for name in ("rendered", "cached")},
        "share_of_time": {name: share(times[name], times["step"]) for name in ("rendered", "cached")},
    }
    print(row)
    return row


def main() -> None:
    parser = parser_of(__doc__, "sprites.json")
    parser.add_argument("--idsprites", default=sys.executable, help="the Python that has it; this one by default")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    script = begin(arguments, threads=1)
    probes = peers(arguments.idsprites)
    with tempfile.TemporaryDirectory() as folder:
        ways = own_ways(folder) | {name: probe.round for name, probe in probes.items()}
        rows = images_rows(in_turns(ways, arguments.rounds))
        for probe in probes.values():
            probe.close()
        training = [training_row(side, folder, arguments.rounds) for side in (64, 32)]
    facts = {"models": MODELS, "batch": BATCH, "hidden": HIDDEN, "latents": LATENTS, "rounds": arguments.rounds}
    script.save("sprites.json", {**facts, "images": rows, "training": training})


if __name__ == "__main__":
    main()
