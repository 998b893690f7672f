"""`pyvae traverse` and `pyvae compare` as they are typed."""

import sys
from pathlib import Path

import pytest

from pyvae import cli
from tests.pages.runs import trained_in
from tests.studies.biased_grid.tiny import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_in(tmp_path_factory.mktemp("run") / "mine", tiny("steps=4"))


def run(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["pyvae", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_the_path_comes_last(folder, tmp_path, monkeypatch, capsys) -> None:
    options = ["--models", "seed=0", "--models", "mu=0", "--models", "beta=5", "--images", 2, "--points", 30]
    code, text, _ = run(monkeypatch, capsys, "traverse", folder, *options)
    page = folder / "traverse.html"
    assert code == 0 and text.splitlines()[-1] == f"page: {page}" and page.stat().st_size > 10_000
    assert "drawing 2 of 2: mu 0, beta 5, seed 0" in text
    out = tmp_path / "pages" / "both.html"
    code, text, _ = run(monkeypatch, capsys, "compare", folder, *options, "--seed", 3, "--out", out)
    assert code == 0 and text.splitlines()[-1] == f"page: {out}" and "drawn by seed 3" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--models", "mu=7"], "mu must be among those of"),
        (["--models", "nu=7"], "models must be chosen by mu, beta, seed"),
        (["--out", "."], "out must be a file, but . is a folder"),
    ],
)
@pytest.mark.parametrize("command", ["traverse", "compare"])
def test_bad_input_is_one_sentence_and_exit_2(folder, monkeypatch, capsys, command, arguments, sentence) -> None:
    code, _, errors = run(monkeypatch, capsys, command, folder, *arguments)
    assert code == 2 and errors.startswith(f"pyvae: error: {sentence}") and errors.count("\n") == 1


def test_a_folder_without_a_study_is_one_sentence(tmp_path, monkeypatch, capsys) -> None:
    code, _, errors = run(monkeypatch, capsys, "compare", tmp_path)
    assert code == 2 and errors == f"pyvae: error: folder must hold a study, but {tmp_path} has no config.json\n"
