"""The whole page: its sections, its sentences for sweeps of next to nothing, and that it needs no other file."""

import re
from pathlib import Path

import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.plan import Best
from pyvae.sweeps.report import Show, write_report
from tests.sweeps.report.sweeps import noise, of, sweep, words

NAN = float("nan")
SHOW = Show(images=4, points=30)
AXES = {"strengths": [1.0, 2.0, 4.0], "learning_rate": [1e-3, 1e-2], "seeds": [0, 1]}
MEASURED = of(
    lambda strengths, learning_rate, seeds: strengths + learning_rate + noise(strengths, seeds) / 10,
    train_reconstruction_nats=lambda strengths, learning_rate, seeds: 20 + strengths + noise(learning_rate, seeds) / 10,
)


def page(folder: Path, show: Show | None = SHOW) -> str:
    path = write_report(folder, show)
    assert path == folder / "report.html"
    return path.read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, run: Path) -> str:
    def outcome(values):
        return "it broke" if values["strengths"] == 4 and values["learning_rate"] == 1e-2 else MEASURED(values)

    return page(sweep(tmp_path_factory.mktemp("whole") / "sweep", AXES, outcome, best=Best("mig"), run=run))


def test_the_page_has_every_section(whole: str) -> None:
    assert re.findall(r"<h2>(.*?)</h2>", whole) == [
        "The best configurations",
        "Over the axes",
        "train_reconstruction_nats against mig",
        "How training went",
        "What they draw",
        "What went wrong",
        "All models",
        "What this page cannot tell",
        "What was asked for",
    ]
    assert "A sweep of biased-grid: 12 cells" in whole and "12 cells: 10 finished, 2 failed." in whole
    assert "5 configurations: cells that differ in their seed alone are one." in whole
    text = words(whole)
    assert "best of 5 configurations was chosen by the same numbers, of 2 seeds" in text
    assert "The sweep's file says that mig is what counts." in text and '"strengths": [' in text


def test_it_needs_nothing_else(whole: str) -> None:
    assert not re.search(r"https?://|@import|url\(|<link|<iframe", whole)
    sources = re.findall(r'(?:src|href)="([^"]*)"', whole)
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in sources)


def test_every_link_has_its_pane_and_every_name_is_there_once(whole: str) -> None:
    names = re.findall(r' id="([^"]*)"', whole)
    links = {link[1:] for link in re.findall(r'href="([^"]*)"', whole)}
    assert len(names) == len(set(names)) and links <= set(names)
    assert len([name for name in names if name.startswith("model-")]) == 5
    assert len([name for name in names if name.startswith("failed-")]) == 2


def test_pictures_are_of_the_first_seed_not_of_the_best(tmp_path: Path, run: Path) -> None:
    text = page(
        sweep(tmp_path, {"strengths": [1], "seeds": [0, 1]}, of(lambda strengths, seeds: NAN if not seeds else 1.0))
    )
    assert 'id="model-1"' in text and 'id="model-0"' not in text
    text = page(sweep(tmp_path / "more", {"strengths": [1], "seeds": [0, 1]}, of(lambda strengths, seeds: seeds)))
    assert 'id="model-0"' in text and 'id="model-1"' not in text


def test_the_same_results_give_the_same_page(tmp_path: Path, run: Path) -> None:
    folder = sweep(tmp_path / "sweep", AXES, MEASURED, run=run)
    assert page(folder) == page(folder)


def sentences(folder: Path, axes: object, measured: object, **more: object) -> str:
    return words(page(sweep(folder / "sweep", axes, measured, **more)))


def test_one_cell(tmp_path: Path) -> None:
    text = sentences(tmp_path, {"seeds": [0]}, of(lambda seeds: 0.5))
    assert "mig is 0.500 of one seed: there is one configuration." in text and "1 cell: 1 finished." in text
    assert "The only configuration with a value of mig: one seed each" in text and "Over the axes" not in text
    assert "The only row of results.parquet" in text and "the best of" not in text and "±" not in text


def test_seeds_alone(tmp_path: Path) -> None:
    text = sentences(tmp_path, {"seeds": [0, 1, 2]}, of(lambda seeds: seeds / 10))
    assert "mig is 0.100 ± 0.248 over 3 seeds: there is one configuration." in text and "seed: 0, 1, 2." in text
    assert "Over the axes" not in text and "the best of" not in text


def test_one_axis_of_one_seed(tmp_path: Path) -> None:
    text = sentences(tmp_path, {"strengths": [1, 2]}, of(lambda strengths: strengths))
    assert "with one seed nothing tells whether they differ" in text and "All models have one seed." in text
    assert "How far seeds scatter: each configuration has one seed" in text and "±" not in text


def test_an_axis_of_texts(tmp_path: Path) -> None:
    axes = {"objective": ["beta-vae", "beta-tcvae"], "seeds": [0, 1]}
    text = sentences(tmp_path, axes, of(lambda objective, seeds: len(objective) + seeds / 10))
    assert "objective beta-tcvae, with 10.05 ± 0.64 over 2 seeds" in text
    assert "objective | mig" in text and "beta-vae | 8.05 | ± 0.64" in text


def test_all_values_equal(tmp_path: Path) -> None:
    text = sentences(tmp_path, AXES, of(lambda **v: 0.5, train_reconstruction_nats=lambda **v: 3.0))
    assert "All 6 configurations have the same mig, 0.500: none is the best." in text and "Chosen by all" not in text
    assert "6 are beaten by no other" in text and "2 seeds alike" in text


def test_everything_failed(tmp_path: Path) -> None:
    text = sentences(tmp_path, AXES, lambda values: "MemoryError: none")
    assert "No cell has finished." in text and "12 cells: 0 finished, 12 failed." in text
    assert "12 of 12 cells failed" in text and "Anything of models: there is none yet." in text
    assert "one seed" not in text and "0 seeds" not in text


def test_every_model_diverged(tmp_path: Path) -> None:
    text = sentences(tmp_path, AXES, of(lambda **v: NAN))
    assert "Every model that was trained has diverged." in text and "12 of 12 trained models diverged" in text
    assert "12 cells: 0 finished, 12 with a model that diverged." in text and "the best of" not in text


def test_nothing_has_been_run(tmp_path: Path) -> None:
    text = sentences(tmp_path, AXES, MEASURED, open_cells=12)
    assert "No cell has finished." in text and "12 cells: 0 finished, 12 still open." in text


def test_a_study_without_numbers(tmp_path: Path) -> None:
    text = sentences(tmp_path, {"strengths": [1, 2]}, lambda values: {"finite": True})
    assert "The study's table has no number to rank cells by." in text and "All 2 rows of results.parquet" in text


def test_a_best_that_was_not_measured(tmp_path: Path) -> None:
    text = sentences(tmp_path, {"strengths": [1, 2]}, of(lambda strengths: strengths, "elbo"), best=Best("mig"))
    assert "The sweep's file names mig as best, of which there is no number: elbo was chosen for it." in text


def test_texts_are_escaped(tmp_path: Path) -> None:
    measured = of(lambda strengths: strengths, "<b>bold</b>")
    folder = sweep(
        tmp_path / "sweep", {"strengths": [1, 2, 4]}, lambda v: "<i>&" if v["strengths"] == 4 else measured(v)
    )
    assert not re.search("<b>|<i>", page(folder))


def test_what_is_asked_for_is_checked(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep", {"strengths": [1, 2]}, of(lambda strengths: strengths))
    with pytest.raises(SweepError, match=r"measures must be columns .* with numbers, mig, got 'elbo'"):
        write_report(folder, Show(measures=("elbo",)))
    with pytest.raises(SweepError, match="images must be at least 2, got 1"):
        Show(images=1)
    with pytest.raises(SweepError, match="folder must hold a sweep"):
        write_report(tmp_path / "nothing")


def test_a_large_sweep_is_written_in_seconds(tmp_path: Path) -> None:
    axes = {"strengths": [*range(1, 26)], "learning_rate": [k * 1e-4 for k in range(1, 21)], "seeds": [0, 1, 2, 3]}
    text = page(sweep(tmp_path / "sweep", axes, MEASURED), Show(best=0, worst=0))
    assert "2000 cells: 2000 finished." in text and len(text) < 1_500_000
