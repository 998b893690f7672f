"""What each objective adds to a stacked training step: the study's models, the same step with every objective in turn.

    python -m benchmarks.train.bench_objectives

Milliseconds per model-step, medians of the turns, and the median of the turns' ratios to the beta-VAE's by the same
way: the fused step, or autograd for the objectives that have no fused one. FactorVAE's discriminator has three layers
of 256, and for comparison the paper's six of 1000. Writes objectives.json.
"""

import dataclasses
import statistics
import time
from typing import Any

import torch

from benchmarks.script import begin, parser_of
from pyvae.losses import OBJECTIVES
from pyvae.studies.biased_grid import PRESETS
from pyvae.studies.biased_grid.recipe import recipe as recipe_of
from pyvae.training.choice import stepping_of
from pyvae.training.groups import initial_chunks
from pyvae.training.workers import workers

MODELS, STEPS_AT_ONCE = 16, 8
BASE = "beta-vae"
SETTINGS: dict[str, tuple[str, list[str]]] = {
    **{name: (name, []) for name in OBJECTIVES},
    "factor-vae, 6 x 1000": ("factor-vae", [f"discriminator={','.join(['1000'] * 6)}"]),
    "dip-vae, ii": ("dip-vae", ["kind=ii"]),
    "info-vae, rbf": ("info-vae", ["kernel=rbf", "scales=1"]),
}


def main() -> None:
    parser = parser_of(__doc__, "objectives.json")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    script = begin(arguments)
    threads = torch.get_num_threads()
    runs: dict[str, tuple[str, list[Any]]] = {}
    for label, (name, settings) in SETTINGS.items():
        whole = recipe_of(PRESETS["seed"].overridden([f"objective={name}", *settings]))
        recipe = dataclasses.replace(whole, cells=whole.cells[:MODELS])
        way = stepping_of(recipe.model(1, None), recipe.likelihood, recipe.objective_of(torch.ones(1)))
        runs[label] = way, initial_chunks(recipe, threads, way)
        if name == BASE:
            runs[f"{BASE}, autograd"] = "autograd", initial_chunks(recipe, threads, "autograd")
    times: dict[str, list[float]] = {label: [] for label in runs}
    with workers() as pool:
        for turn in range(arguments.repeats + 1):
            first = turn * STEPS_AT_ONCE
            for label, (_, chunks) in runs.items():
                start = time.perf_counter()
                list(pool.map(lambda chunk, first=first: chunk.run(first, first + STEPS_AT_ONCE), chunks))
                times[label].append((time.perf_counter() - start) / STEPS_AT_ONCE / MODELS)
    rows = []
    for label, (way, _) in runs.items():
        base = times[BASE if way == runs[BASE][0] else f"{BASE}, autograd"]
        ratio = statistics.median(mine / theirs for mine, theirs in zip(times[label][1:], base[1:], strict=True))
        milliseconds = 1e3 * statistics.median(times[label][1:])
        rows.append({"objective": label, "way": way, "ms_per_model_step": milliseconds, "over_beta_vae": ratio})
        print(f"{label:24s} {way:9s} {milliseconds:7.3f} ms per model-step, {ratio:.2f} of the beta-VAE's", flush=True)
    script.save("objectives.json", {"models": MODELS, "repeats": arguments.repeats, "rows": rows})


if __name__ == "__main__":
    main()
