"""Figures from saved files: all are drawn, for small studies too; lines and numbers are where they should be."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from pyvae.plotting.images import mosaic, show_rows
from pyvae.studies.biased_grid.figures.boundary import boundary_line
from pyvae.studies.biased_grid.figures.curves import (
    curves_by_beta_loss,
    projection_curve,
    robustness,
    robustness_difference,
)
from pyvae.studies.biased_grid.figures.draw import FIGURES, draw
from pyvae.studies.biased_grid.figures.maps import map_active, map_code_information, map_recovered
from pyvae.studies.biased_grid.results import load_saved
from pyvae.studies.biased_grid.theory import collapse_boundary
from tests.studies.biased_grid import synthetic


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study")
    synthetic.write_folder(path)
    return path


def test_every_figure_is_drawn_and_nothing_else_is_left(folder: Path) -> None:
    paths = draw(folder)
    assert [path.stem for path in paths] == list(FIGURES)
    assert sorted(path.name for path in (folder / "figures").iterdir()) == sorted(f"{name}.png" for name in FIGURES)
    for path in paths:
        picture = imread(path)
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.02  # not blank


@pytest.mark.parametrize(
    "fields",
    [
        {"mus": (2.0,), "betas": (1.0,), "seeds": (0,)},
        {"mus": (0.0, 5.0), "betas": (0.0, 3.0), "seeds": (0, 1)},
    ],
)
def test_small_studies_are_drawn_too(tmp_path: Path, fields: dict[str, object]) -> None:
    config = synthetic.small_config(**fields)
    lost = synthetic.results(config, finite=lambda mu, beta, seed: mu < 4)
    synthetic.write_folder(tmp_path, lost)
    assert len(draw(tmp_path)) == len(FIGURES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    synthetic.write_folder(tmp_path)
    (tmp_path / "pictures.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"pictures\.safetensors"):
        draw(tmp_path)


def test_maps_print_their_numbers(folder: Path) -> None:
    texts = [text.get_text() for text in map_active(load_saved(folder)).axes[0].texts]
    assert texts.count("4.0") + texts.count("0.0") == 4 * 3
    assert texts.count("sd 0.0") == 4 * 3
    recovered = [text.get_text() for text in map_recovered(load_saved(folder)).axes[0].texts]
    saved = load_saved(folder).results.fraction_recovered().mean(2)
    assert recovered[0] == f"{saved[0, 0]:.2f}"
    saturated = [text.get_text() for text in map_code_information(load_saved(folder)).axes[0].texts]
    assert sum(text.startswith("≥") for text in saturated) == 4  # beta = 0.5 at every mu


def test_the_boundary_lies_between_the_right_cells() -> None:
    config = synthetic.small_config(pixels=7)
    mus, betas = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0.5, 1.0, 2.0, 5.0, 10.0])
    columns, rows = boundary_line(mus, betas, config.grid, points=1001)
    for mu in mus:
        column = float(np.interp(mu, rows, columns))
        beta = float(np.exp(np.interp(column, np.arange(5), np.log(betas))))
        assert beta == pytest.approx(collapse_boundary(float(mu)), rel=0.01)


def test_the_boundary_leaves_the_map_where_it_should() -> None:
    config = synthetic.small_config()
    columns, _ = boundary_line(np.array([0.0]), np.array([0.5, 1.0]), config.grid)
    assert columns.min() > 2  # beta* is above 8, three octaves beyond the last cell
    columns, _ = boundary_line(np.array([0.0]), np.array([2.0]), config.grid)
    assert columns.shape == (200,)


def test_curves_show_every_beta_and_every_picture_cell(folder: Path) -> None:
    saved = load_saved(folder)
    (left,), (right,) = robustness(saved).axes, robustness_difference(saved).axes
    labels = left.get_legend_handles_labels()[1]
    assert labels == ["β = 0.5", "β = 1", "β = 2", "best linear VAE"]
    # The reference is the line at 0.
    assert right.get_legend_handles_labels()[1] == ["β = 0.5", "β = 2", "β = 1"]
    np.testing.assert_allclose(left.lines[0].get_ydata(), saved.results.fraction_recovered()[:, 0].mean(1))
    assert len(projection_curve(saved).axes[0].lines) == len(saved.pictures["cells"]) + 1


def test_with_one_mu_no_line_of_theory_is_promised(tmp_path: Path) -> None:
    synthetic.write_folder(tmp_path, synthetic.results(synthetic.small_config(mus=(0.0,))))
    assert "best linear VAE" not in robustness(load_saved(tmp_path)).axes[0].get_legend_handles_labels()[1]


@pytest.mark.parametrize(("warmup", "marked"), [(0, False), (100, True), (1000, False)])
def test_curves_mark_the_end_of_the_ramp(tmp_path: Path, warmup: int, marked: bool) -> None:
    synthetic.write_folder(tmp_path, synthetic.results(synthetic.small_config(warmup_steps=warmup)))
    labels = curves_by_beta_loss(load_saved(tmp_path)).axes[0].get_legend_handles_labels()[1]
    assert ("β has its full value" in labels) == marked


def test_numbers_of_a_map_lie_above_its_line(folder: Path) -> None:
    axes = map_recovered(load_saved(folder)).axes[0]
    (line,) = axes.lines
    for text in axes.texts:
        patch = text.get_bbox_patch()
        assert patch is not None and patch.get_facecolor()[3] == 1 and text.get_zorder() > line.get_zorder()


@pytest.mark.parametrize("label", ["z", "a label of many words"])
def test_rows_of_images_fill_their_figure(label: str) -> None:
    figure = show_rows(np.zeros((4, 11, 64)), [label] * 4, "title")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    everything = axes.get_tightbbox()
    assert everything.x0 > 0 and figure.bbox.width - everything.x1 < 10


def test_a_mosaic_puts_images_in_their_place() -> None:
    images = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    out = mosaic(images, gap=1)
    assert out.shape == (5, 8)
    np.testing.assert_array_equal(out[3:5, 6:8], images[1, 2].reshape(2, 2))
    assert np.isnan(out[2]).all()
    assert np.isnan(out[:, 5]).all()
