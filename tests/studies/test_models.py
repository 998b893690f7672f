"""Trained models come back from a run's folder: finished, stopped half-way, early stopping, another objective."""

import io
import stat

import pytest
import torch
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.studies import StudyError, load_models
from pyvae.studies.biased_grid import STUDY
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.folder import checkpoints_in, claimed
from pyvae.studies.run import run_study
from pyvae.training import train
from tests.studies.biased_grid.tiny import tiny


@pytest.mark.parametrize(
    "settings", [[], ["patience=1", "validate_every=4", "learning_rate=0.02"], ["objective=beta-tcvae"]]
)
def test_models_are_those_that_were_trained(tmp_path, settings) -> None:
    config = tiny("steps=12", *settings)
    run_study(STUDY, config, tmp_path, console=Console(file=io.StringIO()))
    loaded, trained = load_models(tmp_path), train(recipe(config))
    assert loaded.cells == config.cells() and loaded.model.models == len(config.cells())
    for a, b in zip(loaded.model.parameters(), trained.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(loaded.steps, trained.steps) and torch.equal(loaded.best_step, trained.best_step)
    mu, logvar = loaded.model.select([3]).encode(torch.rand(5, config.grid.size))
    assert mu.shape == logvar.shape == (1, 5, 5)


def test_a_run_that_goes_on_gives_the_models_of_its_last_checkpoint(tmp_path, step_by_step) -> None:
    config, steps = tiny(), iter(range(100))
    with claimed(STUDY, config, tmp_path, resume=False), pytest.raises(Interrupted):
        train(recipe(config), checkpoints=checkpoints_in(tmp_path), should_stop=lambda: next(steps) == 7)
    left_over = tmp_path / "checkpoint" / f".weights.partial-{'0' * 12}.safetensors"
    left_over.write_text("of a writer at work")
    loaded = load_models(tmp_path)
    assert loaded.steps.tolist() == [7] * 8 and left_over.exists()
    for a, b in zip(loaded.model.parameters(), train(recipe(tiny("steps=7"))).model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("warmup", [0, 15])
def test_before_a_best_is_known_models_are_as_they_are(tmp_path, warmup, step_by_step) -> None:
    config, steps = tiny("patience=2", f"warmup_steps={warmup}", "validate_every=10"), iter(range(100))
    with claimed(STUDY, config, tmp_path, resume=False), pytest.raises(Interrupted):
        train(recipe(config), checkpoints=checkpoints_in(tmp_path), should_stop=lambda: next(steps) == 7)
    plain = train(recipe(tiny(f"warmup_steps={warmup}", "steps=7")))
    for a, b in zip(load_models(tmp_path).model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(a, b) and a.abs().sum() > 0


def test_folders_without_models_are_one_sentence(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"folder must hold a study, but .* has no config.json"):
        load_models(tmp_path)
    (tmp_path / "config.json").write_text(tiny().to_json())
    with pytest.raises(StudyError, match=r"folder must hold trained models, but the study in .* has no checkpoint yet"):
        load_models(tmp_path)


def test_a_study_of_another_version_is_named(tmp_path) -> None:
    (tmp_path / "config.json").write_text('{"study": "unheard-of", "preset": "quick"}')
    with pytest.raises(StudyError, match=r"not a config of this version: unknown study 'unheard-of'"):
        load_models(tmp_path)


def test_whoever_may_read_the_folder_may_read_what_is_in_it(tmp_path) -> None:
    run_study(STUDY, tiny("steps=2"), tmp_path / "out", console=Console(file=io.StringIO()))
    (tmp_path / "plain").touch()
    mode = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {"config.json", "results.parquet", "report.html"} <= {path.name for path in files}
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in files} == dict.fromkeys(files, mode)
