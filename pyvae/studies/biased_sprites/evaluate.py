"""Measures every model of every group, and saves what figures and texts are made from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import safetensors.numpy
import torch

from pyvae.data import Bias, DataSet
from pyvae.files import atomic_path, atomic_write_bytes
from pyvae.studies.biased_sprites import biases, measures
from pyvae.studies.biased_sprites.config import BiasedSpritesConfig, Group
from pyvae.studies.biased_sprites.recipe import recipes
from pyvae.studies.errors import StudyError
from pyvae.studies.scores import Measuring, Points, Scores, table_of
from pyvae.studies.side_by_side import measure_all
from pyvae.studies.study import Announce
from pyvae.training import Trained


def evaluate(groups: Mapping[str, Trained], config: BiasedSpritesConfig, folder: Path, announce: Announce) -> None:
    """Writes biases.parquet, pictures.safetensors and, last, results.parquet: its presence says that all is there."""
    data, found = config.data.open(), recipes(config)
    points = Points(data, config.evaluation.points)
    if points.factors is None:
        raise StudyError("data must have factors for this study, got none")
    splits = biases.splits(config, data, torch.from_numpy(points.factors.values).long())
    asked, in_parts = measures.of_models(points, splits, config.evaluation.samples), measures.of_removals(splits)

    def how(group: Group) -> Measuring:
        parted = group.kind is None or not group.kind.weighable
        return Measuring([*asked, in_parts] if parted else asked, points=config.evaluation.points)

    scores = [Scores(folder, group.name, found[group.name], groups[group.name], how(group)) for group in config.groups]
    measure_all(scores, points, announce)
    with atomic_path(folder / "biases.parquet") as path:
        pq.write_table(biases.table(config, data), path)
    atomic_write_bytes(folder / "pictures.safetensors", safetensors.numpy.save(_pictures(config, data)))
    with atomic_path(folder / "results.parquet") as path:
        pq.write_table(table_of(scores, asked=True).drop_columns(["seconds"]), path)  # the same run has the same bits


def _pictures(config: BiasedSpritesConfig, data: DataSet) -> dict[str, np.ndarray]:
    """Training images of each bias [images, size] by its label, from one seed each, and "unbiased"."""
    shown = {"unbiased": Bias.none}
    shown |= {biases.label(*one): biases.bias_of(config, *one, data) for one in biases.every(config)}
    seeds = {name: torch.zeros(1, dtype=torch.int64) for name in data.streams}
    draw = config.evaluation.sample_images
    return {name: data.draw(draw, seeds, bias).images[0].numpy() for name, bias in shown.items()}
