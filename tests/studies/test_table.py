"""A finished run's models as a table, and which settings' values stand for models that are each alone."""

import dataclasses
import io
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from pyvae.nn import products
from pyvae.settings import Config
from pyvae.studies import NAMES, StudyError, study_named
from pyvae.studies.agreement.measures import of_every_model
from pyvae.studies.models import load_groups
from pyvae.studies.run import run_study
from pyvae.studies.schedules import PRESETS
from pyvae.studies.table import table_of_models
from pyvae.training.train import Training
from tests.studies.agreement.tiny import tiny as agreement
from tests.studies.biased_grid.tiny import tiny as biased_grid
from tests.studies.biased_sprites.tiny import tiny as biased_sprites
from tests.studies.vae.tiny import tiny as vae

TINY: dict[str, Config] = {
    "biased-grid": biased_grid("objective=dip-vae", "strengths=0.5,5"),
    "biased-sprites": biased_sprites("seeds=0,1", "steps=6"),
    "agreement": agreement("steps=10", "seeds=0,1", "beta_vae=1", "controlled_capacity=2"),
    "schedules": PRESETS["quick"].overridden(
        ["sizes=2,2,2,4,4", "side=8", "steps=12", "curve_every=4", "hidden=16", "latents=4", "batch_size=16",
         "seeds=0,1", "points=64", "betas=1,100"]
    ),
    "vae": vae("steps=10"),
}  # fmt: skip
COORDINATES = {
    "biased-grid": ["mu", "lambda_od", "seed"],
    "biased-sprites": ["group", "bias", "beta", "seed"],
    "agreement": ["objective", "strength", "seed"],
    "schedules": ["group", "beta", "seed"],
    "vae": ["beta", "seed"],
}


@pytest.fixture(scope="module", autouse=True)
def in_no_time() -> Iterator[None]:
    """Nothing is measured to choose a way of stepping, and studies of many scores have a few."""
    few = [one for one in of_every_model() if one.name in ("kl", "active_latents")]
    evaluation = sys.modules["pyvae.studies.agreement.evaluate"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: "fused")
        patch.setattr(products, "faster", lambda: "own")
        patch.setattr(evaluation, "of_every_model", lambda: few)
        patch.setattr(evaluation, "of_rotated_models", lambda: few)
        patch.setattr("pyvae.studies.biased_sprites.measures.SCORES", ("active_latents",))
        yield


def run(name: str, config: Config, out: Path) -> pa.Table:
    untold = dataclasses.replace(study_named(name), draw=lambda out: None, report=lambda out: out / "report.html")
    run_study(untold, config, out, console=Console(file=io.StringIO()))
    return untold.table(out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, tuple[pa.Table, Path]]:
    """Each study's table, and its folder, once it has been asked for."""
    return _Runs(tmp_path_factory)


class _Runs(dict):
    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self.folders = folders

    def __missing__(self, name: str) -> tuple[pa.Table, Path]:
        out = self.folders.mktemp(name)
        self[name] = run(name, TINY[name], out), out
        return self[name]


def test_every_study_is_tried_here() -> None:
    assert set(TINY) == set(COORDINATES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_for_each_model_and_no_number_that_is_none(whole, name) -> None:
    table, out = whole[name]
    assert table.column_names[: len(COORDINATES[name])] == COORDINATES[name]
    cells = [cell for trained in load_groups(out).values() for cell in trained.cells]
    coordinates = table.select(COORDINATES[name]).to_pylist()
    assert len(table) == len(cells) == len({tuple(row.values()) for row in coordinates})
    assert table.schema.field("finite").type == pa.bool_() and set(table["finite"].to_pylist()) == {True}
    assert not set(table.column_names) & set(TINY[name].specs())
    for field in table.schema:
        values = table[field.name].drop_null().to_numpy()
        assert field.name in COORDINATES[name] or np.isfinite(values).all()
    assert len(table.column_names) > len(COORDINATES[name]) + 3


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_one_value_has_the_rows_of_a_run_of_several(whole, tmp_path, name) -> None:
    table, _ = whole[name]
    stacked = study_named(name).stacks(TINY[name])
    assert set(stacked) <= set(TINY[name].specs()) and set(stacked.values()) <= set(table.column_names)
    values = [TINY[name].values()[setting] for setting in stacked]
    assert all(len(several) > 1 for several in values)
    if not stacked:
        return
    last = dict(zip(stacked, (several[-1] for several in values), strict=True))
    alone = run(name, TINY[name].replaced(**{setting: (value,) for setting, value in last.items()}), tmp_path)
    expected = [row for row in table.to_pylist() if all(row[stacked[setting]] == v for setting, v in last.items())]
    found, expected = ([known(row) for row in rows] for rows in (alone.to_pylist(), expected))
    if name == "vae":  # which measures one model at a time; others several at once, where a processor's MKL may round
        assert found == expected  # a model by its place among them (test_a_row_does_not_depend_on_its_chunk)
    else:
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.keys() == other.keys()
            assert [v for v in one.values() if isinstance(v, str)] == [v for v in other.values() if isinstance(v, str)]
            assert numbers(one) == pytest.approx(numbers(other), rel=1e-4, abs=1e-6)
    # No row belongs to no value, and none to two.
    cells = [tuple(row[column] for column in stacked.values()) for row in table.to_pylist()]
    assert set(cells) == set(itertools.product(*values)) and len(cells) == len(alone) * len(set(cells))


def numbers(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if not isinstance(value, str)}


def known(row: dict[str, object]) -> dict[str, object]:
    """A score that every model of a run refuses has no column there."""
    return {name: value for name, value in row.items() if value is not None}


def test_numbers_that_are_none_are_null_and_text_is_left_out() -> None:
    results = pa.table(
        {"kl": [1.0, float("nan"), float("inf"), None], "group": list("abcd"), "steps": [1, 2, 3, 4],
         "finite": [True, True, False, False], "reason": [None, None, "diverged", "diverged"]}
    )  # fmt: skip
    table = table_of_models(results, ["group"])
    assert table.column_names == ["group", "kl", "steps_taken", "finite"]
    assert table["kl"].to_pylist() == [1.0, None, None, None] and table["finite"].to_pylist() == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("name", ["biased-sprites", "biased-grid"])
def test_models_that_have_diverged_have_a_row(tmp_path, name) -> None:
    few = {"seeds": (0,), "strengths": (1,)}
    with pytest.raises(StudyError, match="diverged"):
        run(name, TINY[name].replaced(learning_rate=1e30, **few), tmp_path)
    table = study_named(name).table(tmp_path)
    assert len(table) == len([cell for one in load_groups(tmp_path).values() for cell in one.cells])
    assert set(table["finite"].to_pylist()) == {False}


def test_a_folder_without_results_is_named(tmp_path) -> None:
    for name in NAMES:
        with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
            study_named(name).table(tmp_path)
