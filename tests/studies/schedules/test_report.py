"""The page and findings.md of a study that is made up."""

import re
import shlex

import pytest

from pyvae.studies.schedules import PRESETS, STUDY
from pyvae.studies.schedules.findings.answers import findings
from pyvae.studies.schedules.runs import ANNEALED
from pyvae.studies.schedules.texts import CAPTIONS, COLUMNS, FIGURES_OF
from tests.studies.schedules import synthetic

pytest.importorskip("matplotlib")


def test_page_and_summary_say_what_the_findings_say(tmp_path) -> None:
    from pyvae.studies.schedules.figures import FIGURES

    results = synthetic.write_folder(tmp_path)
    STUDY.draw(tmp_path)
    text, summary = STUDY.report(tmp_path).read_text(), (tmp_path / "findings.md").read_text()
    for answer in findings(results):
        for sentence in (answer.short, *answer.details):
            assert sentence in summary
    placed = [name for names in FIGURES_OF.values() for name in names]
    assert sorted(placed) == sorted(FIGURES) == sorted(CAPTIONS)
    assert text.count("data:image/png;base64,") == len(FIGURES)
    assert "<td>28.5</td><td>0.58</td>" in text and "100 to 1: max(1, 100 - t / 400), 50 000 steps" in text
    assert not re.search(r"https?://|@import|url\(|<script|\bnan\b", text)
    (command,) = re.findall(r"<code>(pyvae study [^<]*--out runs/next[^<]*)</code>", text)
    words = shlex.split(command)
    overrides = [words[k + 1] for k, word in enumerate(words) if word == "--set"]
    assert PRESETS["quick"].overridden(overrides) == synthetic.CONFIG.replaced(scale=256 / 12_288)


def test_a_missing_figure_is_named(tmp_path) -> None:
    synthetic.write_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no figures/kl_scheduled\.png"):
        STUDY.report(tmp_path)


def test_a_study_that_has_diverged_says_what_to_try(tmp_path) -> None:
    synthetic.write_folder(tmp_path, diverged=synthetic.every)
    STUDY.draw(tmp_path)
    assert "learning_rate=5e-05" in STUDY.report(tmp_path).read_text()
    assert STUDY.hopeless(tmp_path) == "every model has diverged: try a smaller learning_rate"


def test_a_study_of_which_some_has_diverged_is_drawn_and_told_with_the_seeds_that_are_left(tmp_path) -> None:
    synthetic.write_folder(tmp_path, diverged=lambda arm, seed: arm.group == ANNEALED or (arm.beta == 1 and seed == 0))
    STUDY.draw(tmp_path)
    text = STUDY.report(tmp_path).read_text()
    assert text.count("(2 of 3 seeds)</td>") == 3 * len(COLUMNS)
    (row,) = re.findall(r"<tr><td>β 0 → 10</td>.*?</tr>", text)
    assert row.count("<td>-</td>") == len(COLUMNS) + 2  # the source gives no number of it, either
    assert STUDY.hopeless(tmp_path) is None and not re.search(r"\bnan\b", text)
