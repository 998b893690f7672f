"""Files and tables of made-up results."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from pyvae.bench.ceilings import Ceilings
from pyvae.bench.contest import Timing
from pyvae.bench.errors import BenchError
from pyvae.bench.plots import write_plots
from pyvae.bench.report import duration, markdown, memory_size, print_report, summary
from pyvae.bench.results import Results, Row, TrainingRow, open_results
from tests.bench.fakes import CEILINGS, case

MACHINE = {"processor": "Model 1", "instruction set": "avx2", "threads": "2", "date": "2020-01-01"}


def results() -> Results:
    rows = [
        Row(
            case(rows),
            {"pyvae": Timing(1e-3, 9e-4, 5), "eager": Timing(0.15, 0.1, 5)},
            {"pyvae": 2**20, "eager": 3 * 2**30},
            {"pykeops": "would need about 26 GB"},
            "fma",
            0.314,
        )
        for rows in (64, 256)
    ]
    rows.append(Row(case(65536, 128), {}, {}, {"pyvae": "would take about 110 s"}))
    training = [TrainingRow("pyvae", 64, 0.04, 0.001, 5), TrainingRow("eager", 64, None, None, 0, "would take 99 s")]
    return Results(MACHINE, CEILINGS, rows, training)


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    results().save(tmp_path)
    assert Results.load(tmp_path) == results()
    assert json.loads((tmp_path / "results.json").read_text())["machine"] == MACHINE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "ceilings": {}, "rows": [{}], "training": []}'])
def test_another_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(BenchError, match="does not hold results of a benchmark"):
        Results.load(tmp_path)


def test_a_run_is_continued_on_its_own_machine_only(tmp_path: Path) -> None:
    results().save(tmp_path)
    later = MACHINE | {"date": "2030-01-01"}
    assert open_results(tmp_path, later, CEILINGS, resume=True).holds(case(64))
    assert not open_results(tmp_path, later, CEILINGS, resume=False).rows
    with pytest.raises(BenchError, match="results of another threads, 2 instead of 3"):
        open_results(tmp_path, MACHINE | {"threads": "3"}, CEILINGS, resume=True)


def test_a_ceiling_measured_higher_lowers_every_share() -> None:
    found = results()
    found.raise_ceilings(Ceilings(2 * CEILINGS.multiply_adds_per_second, 1.0))
    assert found.ceilings == Ceilings(2 * CEILINGS.multiply_adds_per_second, CEILINGS.copy_bytes_per_second)
    assert found.rows[0].share == pytest.approx(64 * 64 * 10 * 24 / 1e-3 / 2e11) and found.rows[2].share is None


def test_the_tables_say_everything() -> None:
    text = markdown(results()).replace("\N{NO-BREAK SPACE}", " ")
    assert "| 64 x 10 | forward + backward | 1.00 ms | 150 ms (150x) | - | 31% |" in text
    assert "| 64 x 10 | forward + backward | 1.0 MiB | 3.0 GiB |" in text
    assert "64x10 forward + backward: without pykeops, which would need about 26 GB" in text
    assert "65536x128 forward + backward: without pyvae, which would take about 110 s" in text
    assert "| 64 | pyvae | 40.0 ms | 1.00 ms | 2% |" in text and "M = 64: without eager" in text
    assert all(fact in text for fact in MACHINE.values()) and "100 G multiply-adds/s" in text


@pytest.mark.parametrize(("terminal", "width"), [(True, 80), (True, 200), (False, 80)])
def test_a_terminal_gets_every_cell_whole(terminal: bool, width: int) -> None:
    stream = io.StringIO()
    print_report(results(), Console(file=stream, force_terminal=terminal, width=width, no_color=True))
    assert "(150x)" in stream.getvalue() and "65536\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}128" in stream.getvalue()
    assert "…" not in stream.getvalue()


def test_a_summary_is_one_line() -> None:
    first, _, last = results().rows
    assert summary(first).replace("\N{NO-BREAK SPACE}", " ").endswith("64x10 forward + backward: 1.00 ms; eager 150x")
    assert summary(last).endswith("65536x128 forward + backward: pyvae would take about 110 s")


def test_plots_are_drawn_from_results_alone(tmp_path: Path) -> None:
    assert [path.name for path in write_plots(results(), tmp_path)] == ["overview.png", "time.png", "memory.png"]
    empty = Results(MACHINE, CEILINGS)
    assert write_plots(empty, tmp_path / "empty") == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.34, "12.3 s"), (0.1234, "123 ms"), (1e-3, "1.00 ms"), (5e-8, "0.0500 µs")]
)
def test_durations_have_three_digits(seconds: float, text: str) -> None:
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "< 0.5 MiB"), (3 * 2**19, "1.5 MiB"), (12 * 2**20, "12 MiB"), (2**31, "2.0 GiB")]
)
def test_memory_sizes_have_a_unit(size: int, text: str) -> None:
    assert memory_size(size).replace("\N{NO-BREAK SPACE}", " ") == text
