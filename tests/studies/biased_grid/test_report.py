"""The report: one file that needs no other, says what the findings say, and tells how to get the same again."""

import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pyvae
from pyvae.studies.about import timed
from pyvae.studies.biased_grid.config import PRESETS, BiasedGridConfig
from pyvae.studies.biased_grid.figures.draw import FIGURES, draw
from pyvae.studies.biased_grid.figures.maps import map_recovered
from pyvae.studies.biased_grid.findings.answers import findings
from pyvae.studies.biased_grid.report import next_step, reproduce_command, write_report
from pyvae.studies.biased_grid.results import load_saved
from pyvae.studies.biased_grid.texts import CAPTIONS, FIGURES_OF, FURTHER_FIGURES
from tests.studies.biased_grid import synthetic

VOID = {"meta", "img", "input"}


class Page(HTMLParser):
    """Text, attributes and open tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    synthetic.write_folder(folder)
    draw(folder)
    return write_report(folder)


def test_the_page_is_well_formed_and_needs_nothing_else(report: Path) -> None:
    text = report.read_text()
    page = Page(text)
    assert page.open == []
    assert len(page.links) == len(FIGURES)
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"https?://|@import|url\(|<script", text)


def test_answers_come_first_and_all_are_there(report: Path) -> None:
    _, _, text = "".join(Page(report.read_text()).text).partition("Biased grid data · ")  # what follows the styles
    answers = findings(synthetic.results())
    places = [text.index(answer.short) for answer in answers]
    assert places == sorted(places)
    assert places[0] < 3000 < text.index("config.json")
    for answer in answers:
        assert all(detail in text for detail in answer.details)


def test_every_figure_has_a_caption_and_a_place() -> None:
    placed = [name for names in (*FIGURES_OF.values(), *FURTHER_FIGURES.values()) for name in names]
    assert sorted(placed) == sorted(FIGURES) == sorted(CAPTIONS)
    answers = [answer.name for answer in findings(synthetic.results())]
    assert len(set(answers)) == len(answers) and set(FIGURES_OF) <= set(answers)


def test_captions_fit_the_run(tmp_path: Path, report: Path) -> None:
    synthetic.write_folder(tmp_path, synthetic.results(synthetic.small_config(seeds=(0,))))
    draw(tmp_path)
    one, three = (
        "".join(re.findall(r"<figcaption>(.*?)</figcaption>", path.read_text()))
        for path in (write_report(tmp_path), report)
    )
    assert "t intervals" in three and "mean over seeds" in three
    assert "interval" not in one.replace("a 95 % interval above 0", "") and "over seeds" not in one
    assert not re.search(r"[{}]", one + three)
    assert three.count("Means over seeds and their standard deviation (sd).") == 7  # the heat maps
    assert three.count("Of seed 0 only: other seeds may look otherwise.") == 2 and "Of seed" not in one
    assert three.count("Pixel noise alone: ") == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"seeds": (0,)}, {"seeds": (0, 1, 2)}),
        ({}, {"warmup_steps": 100}),
        ({"warmup_steps": 50}, {"objective": "beta-tcvae"}),
        ({"warmup_steps": 50, "objective": "beta-tcvae"}, {"seeds": (0, 1, 2, 3, 4, 5)}),
        ({"warmup_steps": 500}, {"steps": 2000}),
    ],
)
def test_the_next_command_can_be_run(fields: dict[str, object], expected: dict[str, object]) -> None:
    config = synthetic.small_config(**fields)
    _, command = next_step(synthetic.results(config))
    assert "--out runs/next" in command and _run(command) == config.replaced(**expected)


def test_a_question_left_open_asks_for_longer_training() -> None:
    config = synthetic.small_config(warmup_steps=50)

    def recovered(mu: float, beta: float, seed: int) -> float:
        return 0.8 - (0.05 + 0.2 * (seed - 1)) * mu if beta == 2 else 0.8 - 0.1 * mu

    study = synthetic.results(config, train_recovered_nats=recovered, train_active_kl=lambda *_: 4.0)
    assert _run(next_step(study)[1]) == config.replaced(steps=1200)


def test_a_command_leaves_out_what_another_objective_has_by_itself() -> None:
    command = reproduce_command(PRESETS["quick"].replaced(objective="beta-tcvae", estimator="balanced"))
    assert command.endswith("--out DIR --set objective=beta-tcvae --set estimator=balanced")


def test_the_minus_of_a_page_is_no_hyphen(report: Path) -> None:
    text = "".join(Page(re.sub(r"<style>.*?</style>|<pre>.*?</pre>", "", report.read_text(), flags=re.DOTALL)).text)
    assert re.search("−0\\.", text) and not re.search(r"(?<![\we])-\d", text)


def test_a_preset_of_any_name_is_told_from_the_default(tmp_path: Path) -> None:
    config = synthetic.small_config().replaced(preset="mine")
    assert _run(reproduce_command(config)) == config.replaced(preset="quick")


def test_theory_of_another_objective_is_not_drawn(tmp_path: Path) -> None:
    study = synthetic.results(synthetic.small_config(objective="beta-tcvae"))
    synthetic.write_folder(tmp_path, study)
    draw(tmp_path)
    captions = "".join(re.findall(r"<figcaption>(.*?)</figcaption>", write_report(tmp_path).read_text()))
    assert "linear theory" not in captions and "linear VAE" not in captions
    assert [axes for axes in map_recovered(load_saved(tmp_path)).axes if axes.lines] == []


def test_the_page_says_what_it_ran_on_and_how_long_it_took(tmp_path: Path, report: Path) -> None:
    synthetic.write_folder(tmp_path)
    draw(tmp_path)
    with timed(tmp_path, "training"):
        pass
    text = "".join(Page(write_report(tmp_path).read_text()).text)
    assert f"pyvae {pyvae.__version__}, torch " in text and "minutes, training 0.0." in text
    assert "minutes, training" not in report.read_text()  # of a run of an earlier version nothing is noted


def test_the_table_has_every_cell(report: Path) -> None:
    text = report.read_text()
    assert len(re.findall(r"<tr><td>", text)) == 3 + 4 * 3  # robustness of each beta, then all cells
    assert "0.260 (sd 0.010)" in text


def test_missing_figures_are_named(tmp_path: Path) -> None:
    synthetic.write_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"robustness\.png"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["betas=0,1.5", "steps=7"],
        ["patience=4", "kl=closed_form", "mus=0.25"],
        ["objective=beta-tcvae", "rtol=1e-4"],
    ],
)
def test_the_command_gives_the_same_config(overrides: list[str]) -> None:
    config = PRESETS["quick"].overridden(overrides)
    assert _run(reproduce_command(config)) == config


def test_the_command_can_turn_patience_off() -> None:
    config = PRESETS["long"].overridden(["patience=none"])
    assert "patience=none" in reproduce_command(config)
    assert _run(reproduce_command(config)) == config


def _run(command: str) -> BiasedGridConfig:
    words = shlex.split(command)
    assert words[:3] == ["pyvae", "study", "biased-grid"]
    overrides = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    return PRESETS[words[words.index("--preset") + 1]].overridden(overrides)
