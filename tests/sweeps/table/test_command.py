"""What `pyvae results` prints and writes."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.table.command import ROWS, Question, answer, show_results
from pyvae.sweeps.table.results import axes_of, load_results
from tests.sweeps.synthetic import Synthetic

AXES = ["objective", "strengths", "batch_size", "seeds"]


@pytest.fixture
def sweep(tmp_path: Path) -> Synthetic:
    """Eight shards of six cells: two are open, one has failed, and one cell of another has diverged."""
    made = Synthetic(tmp_path / "sweep")
    _, *others = made.shards
    made.finish(*others[:-2], diverged=made.shards[others[0]][:1])
    made.fail(others[-2])
    return made


def printed(sweep: Synthetic, *, terminal: bool = False, form: str | None = None, **asked) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=200)
    show_results(sweep.folder, Question(**asked), console, form=form)
    return console.file.getvalue()


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_a_pipe_gets_every_row_and_a_few_columns(sweep) -> None:
    head, *rows = lines(printed(sweep))
    assert head == [*AXES, "status", "mig", "tc", "steps_taken", "reason"]
    assert len(rows) == 36
    table = load_results(sweep.folder)
    assert [row[0] for row in rows] == table["objective"].to_pylist()
    assert [row[4] for row in rows] == table["status"].to_pylist()


def test_a_terminal_gets_the_first_rows_and_what_there_is(sweep) -> None:
    sweep.add(24, 6)
    sweep.finish(*[*sweep.shards][-4:])
    text = printed(sweep, terminal=True).splitlines()
    assert text[-1] == (
        f"{ROWS} of 60 rows, --limit 0 shows all; of 72 cells 53 finished, 1 diverged, 6 failed, 12 open"
    )
    assert len(text) == ROWS + 4
    text = printed(sweep, terminal=True, limit=0, where="status == 'finished'").splitlines()
    assert text[-1].startswith("53 rows; of 72 cells ") and len(text) == 53 + 4


def test_rows_by_condition_order_and_limit_with_the_columns_that_are_asked_for(sweep) -> None:
    head, *rows = lines(
        printed(
            sweep, where="strengths >= 4 and mig is not null", sort=["mig"], limit=3, columns=["cell", "m*", "beta"]
        )
    )
    assert head == ["cell", "mig", "beta"]
    table = load_results(sweep.folder).to_pylist()
    best = sorted((row for row in table if row["strengths"] >= 4 and row["mig"] is not None), key=lambda r: -r["mig"])
    assert [row[0] for row in rows] == [row["cell"] for row in best[:3]]
    least = lines(printed(sweep, sort=["tc"], ascending=True, limit=1, columns=["cell"]))
    assert least[1] == [min((row["tc"], row["cell"]) for row in table if row["tc"] is not None)[1]]


def test_what_is_best_comes_first(sweep) -> None:
    (sweep.folder / "sweep.json").write_text(json.dumps({"best": {"column": "tc", "largest": False}}))
    assert lines(printed(sweep))[0] == [*AXES, "status", "tc", "mig", "steps_taken", "reason"]
    assert lines(printed(sweep, sort=["seed"]))[0][5:8] == ["seed", "tc", "mig"]
    (sweep.folder / "sweep.json").write_text("[]")
    assert lines(printed(sweep))[0][5] == "mig"


def test_other_programs_get_all_columns_and_rows(sweep) -> None:
    table = load_results(sweep.folder)
    assert json.loads(printed(sweep, form="json", terminal=True)) == table.to_pylist()
    text = printed(sweep, form="csv", terminal=True, columns=["cell", "mig"], limit=2)
    assert text.splitlines()[0] == '"cell","mig"' and len(text.splitlines()) == 3


def test_a_file_is_written(sweep, tmp_path) -> None:
    console, path = Console(file=io.StringIO(), width=500), tmp_path / "best.parquet"
    show_results(sweep.folder, Question(sort=["mig"], limit=5), console, out=path)
    table = load_results(sweep.folder)
    assert console.file.getvalue() == f"results: {path}\n"
    found = pq.read_table(path)
    assert found.schema.equals(table.schema)
    assert found["mig"].to_pylist() == sorted(filter(None, table["mig"].to_pylist()), reverse=True)[:5]


def test_over_seeds_there_is_a_row_for_each_configuration(sweep) -> None:
    head, *rows = lines(printed(sweep, over="seeds", sort=["mig"]))
    assert head == [*AXES[:3], "models", "diverged", "failed", "mig", "tc", "steps_taken"]
    assert all(row[7] == "±" or len(row) < 11 for row in rows)
    means = json.loads(printed(sweep, over="seeds", sort=["mig"], form="json"))
    known = [row["mig"] for row in means if row["mig"] is not None]
    assert known == sorted(known, reverse=True) and len(means) == len(rows)
    assert [*means[0]] == [
        *("objective", "strengths", "batch_size", "gamma", "beta", "models", "diverged", "failed"),
        *("steps_taken", "steps_taken_half", "mig", "mig_half", "tc", "tc_half"),
    ]
    assert sum(row["models"] for row in means) == 29 and sum(row["failed"] for row in means) == 6
    chosen = json.loads(printed(sweep, over="seed", sort=["tc"], columns=["models", "mig"], form="json", limit=1))
    assert [*chosen[0]] == ["models", "mig", "mig_half"]


def test_a_condition_that_nothing_meets_leaves_the_head(sweep) -> None:
    assert lines(printed(sweep, where="mig > 2")) == [AXES]
    assert json.loads(printed(sweep, where="mig > 2", form="json")) == []
    assert lines(printed(sweep, where="mig > 2", over="seeds")) == [[*AXES[:3], "models"]]
    assert "0 rows; of 48 cells 29 finished" in printed(sweep, where="mig > 2", terminal=True)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"where": "bta > 1"}, "where names 'bta', which is no column: did you mean beta"),
        ({"columns": ["migs"]}, "columns names 'migs', which is no column: did you mean mig"),
        ({"sort": ["migs"]}, "sort names 'migs', which is no column: did you mean mig"),
        ({"sort": ["models"]}, "sort names 'models', which is no column: "),
        (
            {"over": "seeds", "sort": ["cell"]},
            "over seeds names 'cell', which is no column: expected one of ",
        ),
        ({"over": "seeds", "columns": ["finite"]}, "over seeds names 'finite', which is no column"),
        ({"over": "batch_size"}, "over must be seeds, over which alone there are intervals, got 'batch_size'"),
        ({"limit": -1}, "limit must be at least 0, got -1"),
    ],
)
def test_what_there_is_not_is_told_in_a_sentence(sweep, asked, told) -> None:
    with pytest.raises(SweepError) as refusal:
        printed(sweep, **asked)
    assert str(refusal.value).startswith(told) and "\n" not in str(refusal.value)


def test_an_answer_counts_the_rows_without_the_limit(sweep) -> None:
    table, axes = load_results(sweep.folder), axes_of(sweep.folder)
    found = answer(table, axes, Question(limit=4))
    assert (len(found.table), found.rows) == (4, 36) and found.table.column_names == table.column_names


def test_a_reader_that_has_enough_ends_it_quietly(sweep) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom rich.console import Console\n"
        "from pyvae.sweeps.table.command import Question, show_results\n"
        "show_results(Path(sys.argv[1]), Question(), Console(), form='json')\n"
    )
    reading, writing = os.pipe()
    os.close(reading)  # as head does before it has read all
    done = subprocess.run(
        [sys.executable, "-c", script, sweep.folder], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
