"""A page of one run: what is on it, that it needs nothing else, how it lies in a window, and models that are odd."""

import io
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from pyvae.losses import Autoencoder, LearnedGaussianReconstruction
from pyvae.pages import How, Run, traverse
from pyvae.pages.run import run_of
from pyvae.studies import StudyError
from pyvae.training import train
from tests.browser import layout, needs_chromium
from tests.pages.runs import SMALL, recipe, run

QUIET = Console(file=io.StringIO())


def made(held: Run | Path, out: Path, how: How = SMALL, **options: object) -> str:
    return traverse(held, out=out, how=how, console=QUIET, **options).read_text()


@pytest.fixture(scope="module")
def held() -> Run:
    return run(removed=2)


@pytest.fixture(scope="module")
def page(held: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "traverse.html"
    made(held, path)
    return path


def test_the_page_has_every_picture_and_needs_nothing_else(page: Path) -> None:
    text = page.read_text()
    titles = re.findall(r"<h[23]>(.*?)</h[23]>", text)
    once = ["Models", "Reconstructions", "Interpolations", "Samples of the prior", "Unusual images", "What is what"]
    each = ["Traversals", "Where codes lie", "What latents tell of factors", "Combinations that training never drew"]
    assert all(titles.count(title) == 1 for title in once) and all(titles.count(title) == 2 for title in each)
    assert text.count("data:image/gif;base64,") == 2 and "t-SNE" in text
    assert not re.search(r"https?://|@import|url\(|<script", text)
    assert all(link.startswith("data:image/") for link in re.findall(r'(?:src|href)="([^"]*)"', text))


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows(page: Path, width: int, tmp_path: Path) -> None:
    found = layout(page, width, tmp_path)
    assert found.width == width and found.content <= width and found.wide == []
    assert found.images > 30 and found.broken == 0 and found.least >= 12


def test_the_same_run_and_seed_give_the_same_page(held: Run, page: Path, tmp_path: Path) -> None:
    assert made(held, tmp_path / "again.html") == page.read_text()
    assert made(held, tmp_path / "other.html", How(4, 60, 1)) != page.read_text()


def test_the_elbo_tells_what_training_never_drew(page: Path) -> None:
    (caption, *_) = re.findall(r"<figcaption>([^<]*that training never drew[^<]*)</figcaption>", page.read_text())
    odd, known = map(int, re.findall(r"the (\d+) (?:test images|others)", caption))
    assert odd + known == 60 and odd > 10


def test_one_latent_and_a_learned_variance(tmp_path: Path) -> None:
    text = made(run(latents=1, likelihood=LearnedGaussianReconstruction()), tmp_path / "page.html")
    assert "1 of 1" in text and "Combinations that training never drew" not in text


def test_each_model_has_its_own_variance() -> None:
    held = run(likelihood=LearnedGaussianReconstruction(), steps=100)
    first, second = held.members
    x, decoded = torch.zeros(1, first.data.size), torch.ones(1, first.data.size)
    variances = first.trained.beside["likelihood.log_variance"].exp().flatten()
    for member, variance in zip((first, second), variances, strict=True):
        expected = 0.5 * first.data.size * (1 / variance + variance.log())
        torch.testing.assert_close(member.likelihood(x, decoded), expected[None])


def test_deterministic_codes_are_in_order_of_variance(tmp_path: Path) -> None:
    text = made(run(objective=Autoencoder, strengths=(0.0,)), tmp_path / "page.html")
    assert re.search(r"z\d: variance \d", text) and "nearest neighbours" in text and "No latent is active" not in text


def test_diverged_and_collapsed_models_are_sentences(tmp_path: Path) -> None:
    made_by = recipe()
    trained = train(made_by)
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter[0].fill_(torch.nan)
        for parameter in (trained.model.encoder[-1].weight, trained.model.encoder[-1].bias):
            parameter[1].zero_()
    text = made(run_of("broken", made_by, trained), tmp_path / "page.html")
    assert "bias 0, beta 1, seed 0: The model&#x27;s codes are not finite: it has diverged" in text
    assert "No latent is active: the model has collapsed" in text
    assert text.count("All images have the same code: the model has collapsed") == 2  # both embeddings
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.fill_(torch.nan)
    text = made(run_of("broken", made_by, trained), tmp_path / "none.html")
    assert text.count("it has diverged") == 2 and "<img" not in text


def test_few_images_and_few_points(held: Run, tmp_path: Path) -> None:
    text = made(held, tmp_path / "page.html", How(images=1, points=2))
    assert "An interpolation needs two images" in text and "t-SNE needs at least 4 codes, and these are 2" in text
    few = "Scores are of 2 of the test set&#x27;s 120 images, drawn without replacement."
    assert text.count(few) == 2 == text.count(">What latents tell of factors<")
    assert "Scores are of" not in made(held, tmp_path / "all.html", How(images=1, points=120))


def test_out_is_checked_before_any_work(held: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out, sentence in (
        (tmp_path, r"out must be a file, but .* is a folder"),
        (tmp_path / "file" / "page.html", r"out must be a file in a folder, but .*file is a file"),
        (None, r"out must name a file for models that are in no folder"),
        ("/proc/page.html", r"out must be a file that can be written, but /proc/page.html is none: "),
    ):
        with pytest.raises(StudyError, match=sentence):
            traverse(held, out=out, how=SMALL, console=QUIET)
