"""What is measured on every model of the vae study, on points of the test set.

results.parquet has a row for each model: what the decoder makes of a code that is sampled of each image, the KL and its
parts, active latents, and the scores that were asked for; scores.parquet a row for each that codes alone give, with its
interval and its settings, or the reason why there is none; pictures.safetensors what a few models draw.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
import torch
from torch import Tensor

from pyvae.files import atomic_path, atomic_write_bytes
from pyvae.metrics import METRICS, Metric
from pyvae.metrics.estimators.threads import one_thread_of_torch
from pyvae.studies.posteriors import aggregate, kl, sampled
from pyvae.studies.scores import IMAGES_AT_ONCE, Measuring, Points, Scores, table_of
from pyvae.studies.side_by_side import measure_all
from pyvae.studies.study import ALONE, Announce
from pyvae.studies.vae.config import VAEConfig
from pyvae.studies.vae.recipe import recipes
from pyvae.training import Recipe, Trained

SEED = 0
"""Of the points and of all that scores draw."""
OF_DECODER = ("reconstruction", "squared_error", "elbo")
OF_CODES = ("mean_kl", "aggregate_information", "aggregate_total_correlation", "aggregate_dimwise_kl", "active_latents")
ALWAYS = (Metric("mean_kl", kl), Metric("aggregate", aggregate), METRICS["active_latents"])
"""They give OF_CODES, of any data."""

Row = dict[str, Any]


def evaluate(groups: Mapping[str, Trained], config: VAEConfig, folder: Path, announce: Announce) -> None:
    """Measures all models; results.parquet comes last and says that all is there."""
    from pyvae.studies.vae.pictures import pictures  # with matplotlib, which is slow to import

    trained, recipe = groups[ALONE], recipes(config)[ALONE]
    points = Points(recipe.data, config.evaluation.points, SEED)
    asked = {metric.name: metric for metric in (*ALWAYS, *config.evaluation.scores_of(recipe.data))}
    how = Measuring(list(asked.values()), seed=SEED, points=config.evaluation.points)
    scores = Scores(folder, ALONE, recipe, trained, how)
    measure_all([scores], points, announce)
    long = table_of([scores], asked=True).drop_columns(["bias", "seconds"])  # the same run has the same bits
    with one_thread_of_torch():
        rows = [_row(config, recipe, trained, k, points) for k in range(len(trained.cells))]
        drawn = pictures(config, recipe, trained, points)
    atomic_write_bytes(folder / "pictures.safetensors", safetensors.numpy.save(drawn))
    _write(folder / "scores.parquet", long)
    _write(folder / "results.parquet", _wide(rows, long, config.strength))


@torch.no_grad()
def _row(config: VAEConfig, recipe: Recipe, trained: Trained, k: int, points: Points) -> Row:
    """Model k but for its scores. One that has diverged, in its codes or in what is decoded of them, has no measure."""
    cell = trained.cells[k]
    row = {config.strength: float(cell.strength), "seed": cell.seed}
    row |= {"steps": int(trained.steps[k]), "best_step": int(trained.best_step[k])}
    codes = sampled(recipe, trained, k, points.images)
    if codes is None:
        return row | {"finite": False}
    terms, squares = _of_decoder(config, recipe, trained, k, points.images, codes.z)
    constant = config.likelihood.constant(points.images.shape[1])
    measures = {"reconstruction": float(terms.mean()) + constant, "squared_error": float(squares.mean())}
    finite = all(map(math.isfinite, measures.values()))
    return row | {"finite": finite, **(measures if finite else {})}


def _of_decoder(
    config: VAEConfig, recipe: Recipe, trained: Trained, k: int, images: Tensor, z: Tensor
) -> tuple[Tensor, Tensor]:
    """The likelihood's terms and mean squared errors [N] of images [N, size] by their codes z [1, N, D]."""
    model, link = trained.model.select([k]), config.likelihood.link
    found = []
    for x, code in zip(images.split(IMAGES_AT_ONCE), z.split(IMAGES_AT_ONCE, 1), strict=True):
        decoded = model.decode(code)[0]
        shown = decoded if link is None else link(decoded)
        found.append((recipe.likelihood(x, decoded).double(), (shown - x).double().square().mean(-1)))
    terms, squares = (torch.cat(column) for column in zip(*found, strict=True))
    return terms, squares


def _wide(rows: Sequence[Row], long: pa.Table, strength: str) -> pa.Table:
    """With the scores of models that have not diverged, a column each, and their ELBO."""
    known = [row for row in long.to_pylist() if row["value"] is not None]
    asked = [name for name in dict.fromkeys(row["metric"] for row in known) if name not in OF_CODES]
    at = {(row[strength], row["seed"]): row for row in rows if row["finite"]}
    for one in known:
        if (key := (one[strength], one["seed"])) in at:
            at[key][one["metric"]] = one["value"]
    for row in at.values():
        if "mean_kl" in row:
            row["elbo"] = -row["reconstruction"] - row["mean_kl"]
    whole = [(name, pa.int64()) for name in ("seed", "steps", "best_step")]
    numbers = [(name, pa.float64()) for name in (*OF_DECODER, *OF_CODES, *asked)]
    schema = pa.schema([(strength, pa.float64()), *whole, ("finite", pa.bool_()), *numbers])
    return pa.Table.from_pylist(list(rows), schema=schema)


def _write(path: Path, table: pa.Table) -> None:
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)
