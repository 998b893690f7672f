"""What is measured on the trained models of the agreement study: a row for each model, a column for each score.

Scores come by pyvae.studies.scores, each kept as soon as it is done. What the decoder has a part in, and UDR, which
compares models, are computed after them. results.parquet comes last: its presence says that all is there.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.files import atomic_path
from pyvae.metrics import Codes, udr
from pyvae.metrics.evaluate import COLUMNS
from pyvae.studies.agreement.config import AgreementConfig
from pyvae.studies.agreement.likelihood import Likelihood, likelihood_of
from pyvae.studies.agreement.measures import of_every_model, of_rotated_models
from pyvae.studies.agreement.recipe import recipes
from pyvae.studies.scores import Measuring, Points, Scores, encoded
from pyvae.studies.side_by_side import measure_all
from pyvae.studies.study import Announce
from pyvae.training import Trained
from pyvae.training.cells import Cell

SEED = 0
"""Of the points, of all that scores draw, and of the rotation."""

Row = dict[str, Any]


def evaluate(groups: Mapping[str, Trained], config: AgreementConfig, folder: Path, announce: Announce) -> None:
    """Writes scores.parquet, a row for each score with its interval, and results.parquet, a row for each model."""
    points = Points(config.data.open(), config.evaluation.points, SEED)
    scores = list(_scores(groups, config, folder))
    measure_all(scores, points, announce)
    long = [row for one in scores for row in _rows(one)]
    found: dict[Any, Row] = {}
    for row in long:
        found.setdefault(_key(row), {})[row["metric"]] = row["value"]
    order = list(dict.fromkeys(row["metric"] for row in long if row["reason"] is None))
    wide = [_model_row(one, k, points, found, order) for one in scores for k in range(len(one.parts))]
    _add_udr(wide, scores, points, config)
    _write(folder / "scores.parquet", long)
    _write(folder / "results.parquet", wide)


def _scores(groups: Mapping[str, Trained], config: AgreementConfig, folder: Path) -> Iterator[Scores]:
    """The models of every group, first those that are measured with rotated codes, too."""
    turned = config.strengths.seeds[: config.evaluation.rotated_seeds]
    for group, recipe in recipes(config).items():
        trained = groups[group]
        for is_turned, metrics in ((True, of_rotated_models()), (False, of_every_model())):
            chosen = [k for k, cell in enumerate(trained.cells) if (cell.seed in turned) == is_turned]
            if chosen:
                how = Measuring(metrics, seed=SEED, points=config.evaluation.points)
                yield Scores(folder, group, recipe, _part(trained, chosen), how)


def _part(trained: Trained, chosen: Sequence[int]) -> Trained:
    """Some of the models."""
    return dataclasses.replace(
        trained,
        model=trained.model.select(chosen),
        cells=tuple(trained.cells[k] for k in chosen),
        steps=trained.steps[chosen],
        best_step=trained.best_step[chosen],
        beside={name: values[chosen] for name, values in trained.beside.items()},
    )


def _rows(one: Scores) -> Iterator[Row]:
    """What this study measured of these models; not what pyvae evaluate may have added, and no seconds."""
    columns = [name for name in COLUMNS if name != "seconds"]
    for cell, part in zip(one.trained.cells, one.parts, strict=True):
        for metric in one.how.metrics:
            for row in part[metric.name]["rows"]:
                yield {**_names(one.group, cell), **{name: row[name] for name in columns}}


def _names(group: str, cell: Cell) -> Row:
    return {"objective": group, "strength": float(cell.strength), "seed": cell.seed}


def _key(row: Row) -> tuple[Any, ...]:
    return row["objective"], row["strength"], row["seed"]


def _model_row(one: Scores, k: int, points: Points, found: Mapping[Any, Row], order: Sequence[str]) -> Row:
    """One model: null where a score refused it or was not asked for, and throughout where training diverged."""
    trained = one.trained
    names = _names(one.group, trained.cells[k])
    of_decoder = likelihood_of(one.recipe, trained, k, points.images, SEED)
    steps = {"steps": int(trained.steps[k]), "best_step": int(trained.best_step[k])}
    scores = {name: found[_key(names)].get(name) for name in order}
    decoder = dict.fromkeys(Likelihood._fields) if of_decoder is None else of_decoder._asdict()
    return {**names, **steps, "finite": of_decoder is not None, **scores, **decoder, "udr": None}


def _add_udr(rows: Sequence[Row], scores: Sequence[Scores], points: Points, config: AgreementConfig) -> None:
    """Each model against the others of its objective and strength; with one seed against those of its objective."""
    at = {_key(row): row for row in rows}
    held: dict[tuple[Any, ...], list[tuple[Row, Codes]]] = {}
    for one in scores:
        for k, cell in enumerate(one.trained.cells):
            row = at[_key(_names(one.group, cell))]
            company = (one.group, cell.strength) if config.several_seeds else (one.group,)
            if row["finite"]:
                held.setdefault(company, []).append((row, encoded(one.trained, k, points.images)))
    for members in held.values():
        if len(members) > 1:
            found = udr([codes for _, codes in members], seed=SEED).parts["scores"]
            for (row, _), value in zip(members, found, strict=True):
                row["udr"] = float(value)


def _write(path: Path, rows: Sequence[Row]) -> None:
    """All rows have the same columns; one without any value is of numbers."""
    table = pa.Table.from_pylist(list(rows))
    for i, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)
