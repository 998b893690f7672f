"""What a study leaves in its folder comes back as it was; grids put rows where they belong."""

from pathlib import Path

import numpy as np
import pytest

from pyvae.studies.biased_grid.evaluate import evaluate, random_baseline
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.biased_grid.results import Results, load_results, load_saved, picture_cells, save_evaluations
from pyvae.training.cells import stream
from tests.studies.biased_grid import synthetic


def test_a_grid_is_sorted_and_masks_models_that_diverged() -> None:
    config = synthetic.small_config(mus=(2.0, 0.0), betas=(5.0, 1.0), seeds=(4, 3))
    study = synthetic.results(
        config,
        train_kl_nats=lambda mu, beta, seed: 100 * mu + 10 * beta + seed,
        finite=lambda mu, beta, seed: (mu, beta, seed) != (2.0, 1.0, 3),
    )
    expected = 100 * np.array([0, 2])[:, None, None] + 10 * np.array([1, 5])[:, None] + np.array([3, 4])
    grid = study.grid("train_kl_nats")
    assert np.isnan(grid[1, 0, 0])
    np.testing.assert_array_equal(np.where(np.isnan(grid), expected, grid), expected)
    assert np.isnan(grid).sum() == 1


@pytest.mark.parametrize(
    ("objective", "strengths", "reference"),
    [
        ("beta-vae", (0.5, 1.0, 10.0), 1),
        ("beta-tcvae", (0.0, 0.4, 2.0), 2),
        ("autoencoder", (0.0, 0.01, 0.1), 0),
        ("free-nats", (0.05, 0.2, 0.5), 0.05),
    ],
)
def test_the_reference_is_beta_one_or_the_nearest_in_ratio_else_the_smallest(objective, strengths, reference) -> None:
    study = synthetic.results(synthetic.small_config(betas=strengths))
    config = synthetic.small_config(objective=objective, betas=strengths)
    names = [config.strength if name == "beta" else name for name in study.table.column_names]
    assert Results(config, study.table.rename_columns(names), study.baseline).reference == reference


def test_chunks_are_saved_together_and_read_back(tmp_path: Path) -> None:
    config = synthetic.small_config(
        mus=(0.0, 1.0), betas=(1.0, 2.0), seeds=(3,), pixels=2, information_images=64, baseline_runs=2
    )
    every = config.cells()
    model = recipe(config).model(4, stream(every, "test"))
    chunks = [
        evaluate(
            model.select(list(part)),
            [every[k] for k in part],
            config,
            steps=[9] * len(part),
            best_steps=[9] * len(part),
        )
        for part in (range(3), range(3, 4))
    ]
    save_evaluations(tmp_path, chunks, random_baseline(config), config)
    (tmp_path / "config.json").write_text(config.to_json())
    study = load_results(tmp_path)
    assert study.config == config
    assert study.table["beta"].to_pylist() == [cell.strength for cell in every]
    assert study.baseline.num_rows == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "baseline.parquet", "config.json", "pictures.safetensors", "results.parquet",
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError, match=r"curves\.parquet"):
        load_saved(tmp_path)


def test_pictures_are_made_of_the_outer_and_the_middle_cells() -> None:
    config = synthetic.small_config(mus=(0.0, 1.0, 2.0, 3.0, 4.0), betas=(0.5, 1.0, 2.0), seeds=(7, 8))
    shown = picture_cells(config)
    assert {cell.bias for cell in shown} == {0.0, 2.0, 4.0}
    assert {cell.strength for cell in shown} == {0.5, 1.0, 2.0}
    assert {cell.seed for cell in shown} == {7}
    assert len(picture_cells(synthetic.small_config(mus=(1.0,), betas=(2.0,)))) == 1


def test_a_folder_without_a_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        load_results(tmp_path)
