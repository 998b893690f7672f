"""Made-up studies, whose shares are functions of what a model is: each sentence can be told from its numbers."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from pyvae.studies.biased_sprites.biases import COLUMNS, every, label
from pyvae.studies.biased_sprites.config import BiasedSpritesConfig
from pyvae.studies.biased_sprites.measures import PARTS, RECOVERED, SCORES, name_of
from pyvae.studies.biased_sprites.results import Results
from tests.studies.biased_sprites.tiny import TINY

FACTORS = ("shape", "x")


class Model(NamedTuple):
    """What a share may depend on; `kind` is "" without bias, `part` "" of all images, `factor` "" of all factors."""

    objective: str
    kind: str
    weighted: bool
    bias: float
    beta: float
    seed: int
    part: str = ""
    factor: str = ""


Share = Callable[[Model], float]


def small_config(**settings: object) -> BiasedSpritesConfig:
    return TINY.replaced(**{"seeds": (0, 1, 2), "skews": (6.0,), "correlations": (4.0,), **settings})


def usual(model: Model) -> float:
    """A larger β has less, a bias takes 0.1, of rare images 0.2, and weights bring back half of it."""
    lost = 0.2 if model.part == "rare" else 0.1
    return (0.8 if model.beta == 1 else 0.5) - (model.bias > 0) * lost * (0.5 if model.weighted else 1)


def wiggle(model: Model) -> float:
    """What seeds differ by; the mean over three is 0. Models of one seed and β differ in it, too, and parts of one."""
    return 0.001 * (model.seed - 1) * (1 + (model.bias > 0) + 3 * model.weighted + (model.part == "rare"))


def results(
    config: BiasedSpritesConfig | None = None, share: Share = usual, active: Share = lambda model: 4.0
) -> Results:
    """A study of these shares of a ceiling of 2 nats a factor; other scores are a tenth of the share."""
    config = config or small_config()
    rows = []
    for model, measure, value, ceiling in _measures(config, share, active):
        parts = [model.objective, *filter(None, [model.kind]), *(["weighted"] if model.weighted else [])]
        found = {
            "value": value if np.isfinite(value) else None,
            "low": None,
            "high": None,
            "ceiling": ceiling,
        }
        axes = {"bias": model.bias, "beta": model.beta, "seed": model.seed}
        rows.append({"group": "-".join(parts), **axes, "metric": measure, "settings": None, **found})
    biases = [
        {"kind": kind.name, "strength": strength}
        | {name: 0.25 for name in COLUMNS[1:4]}
        | {name: 0.125 if kind.weighable else None for name in COLUMNS[4:]}
        for kind, strength in every(config)
    ]
    return Results(config, pa.Table.from_pylist(rows), pa.Table.from_pylist(biases))


def _measures(
    config: BiasedSpritesConfig, share: Share, active: Share
) -> Iterator[tuple[Model, str, float, float | None]]:
    for group in config.groups:
        for cell in config.cells(group):
            kind = "" if group.kind is None else group.kind.name
            model = Model(group.objective, kind, group.weighted, cell.bias, cell.strength, cell.seed)
            places = [(None, None), *((label(*one), part) for one in every(config) for part in PARTS)]
            for (split, part), factor in itertools.product(places, (None, *FACTORS)):
                here = model._replace(part=part or "", factor=factor or "")
                yield model, name_of(RECOVERED, split, part, factor), 2 * (share(here) + wiggle(here)), 2.0
            for (split, part), score in itertools.product(places, SCORES):
                value = active(model) if score == "active_latents" else share(model) / 10 + wiggle(model)
                yield model, name_of(score, split, part), value, 10.0


def write_folder(folder: Path, study: Results | None = None) -> Results:
    """Everything figures and report read."""
    study = study or results()
    config = study.config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.to_json())
    pq.write_table(study.table, folder / "results.parquet")
    pq.write_table(study.biases, folder / "biases.parquet")
    pq.write_table(pa.table({"step": [1]}), folder / "curves.parquet")
    shown = np.random.default_rng(0).random((config.evaluation.sample_images, config.data.side**2), dtype=np.float32)
    pictures = {name: shown for name in ("unbiased", *(label(*one) for one in every(config)))}
    (folder / "pictures.safetensors").write_bytes(safetensors.numpy.save(pictures))
    return study
