"""The report: one file that needs no other, says what the findings say, and tells how to get the same again."""

import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pyvae.studies.biased_grid.config import PRESETS, BiasedGridConfig
from pyvae.studies.biased_grid.figures.draw import FIGURES, draw
from pyvae.studies.biased_grid.findings.answers import findings
from pyvae.studies.biased_grid.report import (
    CAPTIONS,
    FIGURES_OF_ANSWERS,
    FURTHER_FIGURES,
    reproduce_command,
    write_report,
)
from tests.studies.biased_grid import synthetic

VOID = {"meta", "img"}


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
    text = "".join(Page(report.read_text()).text)
    answers = findings(synthetic.results())
    places = [text.index(answer.short) for answer in answers]
    assert places == sorted(places)
    assert places[0] < 3000 < text.index("config.json")
    for answer in answers:
        assert all(detail in text for detail in answer.details)


def test_every_figure_has_a_caption_and_a_place() -> None:
    placed = [name for names in (*FIGURES_OF_ANSWERS, *FURTHER_FIGURES.values()) for name in names]
    assert sorted(placed) == sorted(FIGURES) == sorted(CAPTIONS)
    assert len(FIGURES_OF_ANSWERS) == len(findings(synthetic.results()))


def test_the_table_has_every_cell(report: Path) -> None:
    text = report.read_text()
    assert len(re.findall(r"<tr><td>", text)) == 3 + 4 * 3  # robustness of each beta, then all cells
    assert "0.260 ± 0.010" in text


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
