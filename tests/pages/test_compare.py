"""A page of several runs: the same images for all, settings that differ, and what cannot be compared."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from pyvae.data import Sprites
from pyvae.pages import How, compare
from pyvae.studies import StudyError
from tests.browser import layout, needs_chromium
from tests.pages.runs import SMALL, run, trained_in
from tests.studies.biased_grid.tiny import tiny

QUIET = Console(file=io.StringIO())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [
        trained_in(root / "first", tiny()),
        trained_in(root / "second", tiny("objective=beta-tcvae", "strengths=0.5,5", "latents=3")),
    ]


@pytest.fixture(scope="module")
def page(folders: list[Path]) -> Path:
    return compare(folders, out=folders[0].parent / "compare.html", how=SMALL, console=QUIET)


def test_settings_that_differ_are_in_the_table(page: Path) -> None:
    (section,) = re.findall(r"<h2>Settings that differ</h2>(.*?)</section>", page.read_text(), re.DOTALL)
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", section)]
    assert ["objective", "beta-vae", "beta-tcvae"] in rows and ["latents", "5", "3"] in rows
    assert not [row for row in rows if row[0] in ("mus", "steps", "strengths")]


def test_every_model_of_both_runs_is_beside_the_others(page: Path) -> None:
    text = page.read_text()
    assert "8 of 16 models" not in text and "4 of 16 models are shown" in text
    for name in ("first: mu 0, beta 0.5, seed 0", "second: mu 0, beta 5, seed 0"):
        assert f"<span>{name}</span>" in text
    assert "<h3>Latent 5 by use</h3>" in text  # of the run with five latents alone
    assert not re.search(r"https?://|<script", text)


@pytest.mark.parametrize(
    ("models", "data"),
    [
        (["mu=0"], "training data, which are unbiased"),
        (["mu=2.5"], "the models&#x27; own biased data"),
        (["beta=0.5"], "the models&#x27; own data, which are biased for 2 of 4"),
    ],
)
def test_curves_are_said_to_be_of_biased_data_where_they_are(folders, tmp_path, models, data) -> None:
    text = compare(folders[:1], models=models, out=tmp_path / "page.html", how=SMALL, console=QUIET).read_text()
    captions = re.findall(r"<figcaption>([^<]*) while training, on ([^<]*)\.</figcaption>", text)
    assert captions == [(name, data) for name in ("ELBO", "Reconstruction term", "KL from the prior")]


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows(page: Path, width: int, tmp_path: Path) -> None:
    found = layout(page, width, tmp_path)
    assert found.width == width and found.content <= width and found.wide == []
    assert found.images > 30 and found.broken == 0 and found.least >= 12


def test_models_of_one_run(folders: list[Path], tmp_path: Path) -> None:
    text = compare(
        folders[:1], models=["seed=1", "mu=2.5"], out=tmp_path / "page.html", how=SMALL, console=QUIET
    ).read_text()
    assert "2 of 8 models are shown" in text and "All models are of one run" in text
    assert "<span>mu 2.5, beta 0.5, seed 1</span>" in text


def test_combinations_that_one_run_never_drew_are_a_table(tmp_path: Path) -> None:
    runs = [run("all"), run("some", removed=2)]
    text = compare(runs, out=tmp_path / "page.html", how=SMALL, console=QUIET).read_text()
    (section,) = re.findall(r"<h2>Combinations that training never drew</h2>(.*?)</section>", text, re.DOTALL)
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", section)]
    assert [row[0] for row in rows] == ["some: bias 0, beta 1, seed 0", "some: bias 0, beta 4, seed 0"]
    assert all(sum(map(int, row[3:])) == 60 and float(row[1]) > 0.9 for row in rows)
    assert "The runs are of no study" in text


def test_what_cannot_be_compared_is_a_sentence(folders: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    sprites = run("sprites", data=Sprites(sizes=(3, 2, 4, 4, 4), side=16), steps=1)
    for runs, sentence in (
        ([folders[0], sprites], r"one data set .* first, mu 0, .* and sprites, bias 0, .* have different ones"),
        ([], r"runs must be at least one folder, got none"),
        ([folders[0], folders[0]], r"runs must be different ones"),
        ([folders[0].parent], r"folder must hold a study"),
    ):
        with pytest.raises(StudyError, match=sentence):
            compare(runs, out=out, how=How(3, 30), console=QUIET)
    assert not out.exists()
