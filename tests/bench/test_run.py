"""A tiny run from end to end, and the command line."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pyvae.bench import engine, run
from pyvae.bench.cases import DIRECTIONS, Case
from pyvae.bench.errors import BenchError
from pyvae.bench.machine import machine_facts, machine_name
from pyvae.bench.results import Results
from pyvae.cli import commands

TINY = replace(engine.QUICK, budget_seconds=0.01, most_rounds=1)


@pytest.fixture(autouse=True)
def _few_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Compiling takes longer than all the rest.
    monkeypatch.setattr(engine, "available", lambda case: ["pyvae", "eager"])


def cases() -> list[Case]:
    density = [Case("minibatch_log_density", rows, 10, direction) for rows in (8, 16) for direction in DIRECTIONS]
    return [*density, Case("gaussian_kl", 16, 3, "forward")]


def test_a_run_writes_every_file_and_can_be_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run.run_cases(cases()[:1], TINY, tmp_path, resume=False, console=Console())
    results = run.run_cases(cases(), TINY, tmp_path, resume=True, console=Console())
    # Not its share: that is stated anew where a ceiling turns out higher.
    assert results.rows[0].timings == first.rows[0].timings and [row.case for row in results.rows] == cases()
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.json",
        "results.md",
        "overview.png",
        "time.png",
        "memory.png",
    }
    assert Results.load(tmp_path).rows == results.rows
    assert all(set(row.timings) == {"pyvae", "eager"} and row.share is not None for row in results.rows)
    assert "4/4 gaussian_kl 16x3 forward: " in capsys.readouterr().out


def test_a_run_that_is_stopped_keeps_and_shows_its_rows(tmp_path: Path, monkeypatch, capsys) -> None:
    measure = engine.Engine.measure

    def stop_at_16(self: engine.Engine, case: Case):
        if case.rows == 16:
            raise KeyboardInterrupt
        return measure(self, case)

    monkeypatch.setattr(engine.Engine, "measure", stop_at_16)
    with pytest.raises(KeyboardInterrupt):
        run.run_cases(cases(), TINY, tmp_path, resume=False, console=Console())
    assert len(Results.load(tmp_path).rows) == 2 and "of FMA ceiling" in capsys.readouterr().out
    assert (tmp_path / "results.md").is_file()


def test_the_command_line_measures_and_says_how_to_go_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(run, "quick_cases", lambda: cases()[:1])
    result = CliRunner().invoke(commands(), ["bench", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0 and "FMA ceiling" in result.output, result.output
    assert (tmp_path / "out" / "results.md").is_file()


@pytest.mark.parametrize("below", [False, True], ids=["a file", "below a file"])
def test_results_cannot_go_into_a_file(below: bool, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("mine")
    out = tmp_path / "results.json" / "more" if below else tmp_path / "results.json"
    result = CliRunner().invoke(commands(), ["bench", "--out", str(out)])
    assert isinstance(result.exception, BenchError)  # of which the command line prints the sentence
    with pytest.raises(BenchError, match=r"^out must be a folder for the results, got the file '.*results\.json'"):
        run.run_bench(out, console=Console())
    assert (tmp_path / "results.json").read_text() == "mine"


def test_help_shows_how_to_call_it() -> None:
    result = CliRunner().invoke(commands(), ["bench", "--help"])
    assert result.exit_code == 0 and "pyvae bench --full --out runs/bench --resume" in result.output


def test_the_machine_is_named_without_its_host(monkeypatch) -> None:
    import platform

    facts = machine_facts()
    assert set(facts) == {"processor", "instruction set", "threads", "torch", "pyvae", "load", "date"}
    assert platform.node() not in facts.values()
    assert machine_name().endswith(f"-{facts['instruction set']}-{facts['threads']}-threads")
