"""How many models the fused step should train together: milliseconds of a model's step, by the models of a chunk.

    python -m benchmarks.chunks                 # chunks.json into the results of this machine, two minutes

beta-TCVAEs of sprites on one thread, from small to large; each number of models in turn, medians over the turns. What
pyvae.training.groups.most_of allows is "taken".
"""

import statistics
import time

import torch

from benchmarks.script import begin, parser_of
from pyvae.studies import study_named
from pyvae.training import Cell, Recipe
from pyvae.training.chunk import Chunk
from pyvae.training.groups import most_of
from pyvae.training.workers import workers

SHAPES = (((32,), 16, 32), ((64, 64), 16, 64), ((128, 128), 16, 64), ((96, 96), 32, 64), ((256, 256), 32, 64))
"""Hidden widths, pixels along a side, images of a batch."""
MODELS = (1, 2, 4, 8, 16, 32)
SECONDS = 0.3
"""Of one turn."""


def recipe_of(hidden: tuple[int, ...], side: int, batch: int) -> Recipe:
    settings = {"objective": "beta-tcvae", "hidden": hidden, "side": side, "batch_size": batch}
    config = study_named("vae").preset("quick").replaced(**settings)
    (recipe,) = study_named("vae").recipes(config).values()
    return recipe


def measure(recipe: Recipe, repeats: int) -> dict[int, float]:
    """Seconds of a model's step, by the models of a chunk."""
    cells = [Cell(0.0, 4.0, seed) for seed in range(max(MODELS))]
    chunks = {models: Chunk.initialised(cells[:models], range(models), recipe, "fused") for models in MODELS}
    taken = {models: _seconds(chunk, 0, 4) for models, chunk in chunks.items()}  # makes Adam's state
    counts = {models: max(4, int(SECONDS / seconds)) for models, seconds in taken.items()}
    turns = [
        {models: _seconds(chunk, 4 + turn * counts[models], counts[models]) for models, chunk in chunks.items()}
        for turn in range(repeats)
    ]
    return {models: statistics.median(turn[models] for turn in turns) / models for models in MODELS}


def _seconds(chunk: Chunk, first: int, steps: int) -> float:
    start = time.perf_counter()
    chunk.run(first, first + steps)
    return (time.perf_counter() - start) / steps


def main() -> None:
    parser = parser_of(__doc__, "chunks.json")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each number of models")
    arguments = parser.parse_args()
    script, rows = begin(arguments), []
    with workers() as pool:
        for hidden, side, batch in SHAPES:
            recipe = recipe_of(hidden, side, batch)
            model = recipe.model(1, None)
            seconds = pool.submit(measure, recipe, arguments.repeats).result()
            size = 12 * sum(parameter.numel() for parameter in model.parameters())
            row = {"hidden": hidden, "side": side, "batch_size": batch, "bytes": size, "taken": most_of(model, "fused")}
            rows.append({**row, "ms": {str(models): round(1e3 * each, 4) for models, each in seconds.items()}})
            print(rows[-1], flush=True)
    script.save("chunks.json", {"torch": torch.__version__, "seconds a turn": SECONDS, "rows": rows})


if __name__ == "__main__":
    main()
