"""How any study is told: answers, figures and settings."""

from pathlib import Path

import pytest

from pyvae.report.answer import Answer
from pyvae.report.telling import answered, figures, one_line, settings, summary

ANSWERS = (Answer("a", "Is it so?", "Yes.", ("One.", "Two.")), Answer("b", "And that?", "No.", ()))


def test_a_summary_has_every_answer_with_its_details() -> None:
    text = "# T\n\nfacts\n\n## Is it so?\n\nYes.\n\n- One.\n- Two.\n\n## And that?\n\nNo.\n"
    assert summary("T", "facts", ANSWERS) == text


def test_an_answer_is_a_section() -> None:
    text = answered(ANSWERS[0], "<i>more</i>")
    parts = ["<h2>Is it so?</h2>", "Yes.", "One.", "Two.", "<i>more</i>"]
    assert sorted(parts, key=text.index) == parts


def test_figures_are_inline_and_one_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/a.png").write_bytes(b"png")
    text = figures(tmp_path, {"a": "What it shows"}, wide=("a",))
    assert "What it shows" in text and 'class="wide"' in text and "data:image/png;base64,cG5n" in text
    with pytest.raises(FileNotFoundError, match=r"folder must hold the study's figures, but .* has no figures/b\.png"):
        figures(tmp_path, {"a": "", "b": ""})


def test_settings_leave_out_what_is_not_known() -> None:
    assert len(settings("pyvae study", "", "{}")) == 2
    assert [
        word in part
        for word, part in zip(
            ("study", "ran", "chosen", "{}"), settings("pyvae study", "ran", "{}", "chosen"), strict=True
        )
    ] == [True] * 4


def test_text_over_several_lines_becomes_one() -> None:
    assert one_line("a\n  b  c") == "a b c"
