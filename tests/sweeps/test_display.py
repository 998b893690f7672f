"""What a sweep shows while it runs, on a terminal and elsewhere."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.sweeps import display as showing
from pyvae.sweeps.display import Display
from pyvae.sweeps.names import ROWS
from pyvae.sweeps.planning.plan import Best

CELLS = {"a": 4, "b": 4, "c": 2}


@pytest.fixture
def clock(monkeypatch):
    """Stands still but for what is added to it."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    found = Clock()
    monkeypatch.setattr(showing, "time", found)
    return found


def plain() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=200), out


def shard(folder: Path, **columns: list[object]) -> Path:
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / ROWS)
    return folder


def test_time_left_follows_from_the_cells_that_were_done_since_the_start(clock) -> None:
    display = Display(plain()[0], CELLS, finished=90, failed=0)
    assert display.summary({"a": None}) == "90 of 100 cells done, 4 at work"
    clock.now += 60
    # 2 of 10 cells' work, half of the shard's four, in a minute: 8 are left.
    assert display.summary({"a": (50, 100)}) == "90 of 100 cells done, 4 at work, 4.0 min left"
    display.finished(4, Path("nowhere"))
    assert display.summary({"b": (0, 100)}) == "94 of 100 cells done, 4 at work, 1.5 min left"


def test_long_times_are_told_in_hours(clock) -> None:
    display = Display(plain()[0], {"a": 1, "b": 9}, finished=0, failed=0)
    clock.now += 3600
    display.finished(1, Path("nowhere"))
    assert display.summary({}).endswith("9.0 h left")


def test_steps_of_earlier_starts_are_no_pace_of_this_one(clock) -> None:
    display = Display(plain()[0], CELLS, finished=0, failed=0)
    display.running({"a": (50, 100)})  # as an earlier start left it
    clock.now += 60
    assert "left" not in display.summary({"a": (50, 100)})
    display.running({"a": (40, 100), "b": (80, 100)})  # it goes on from its checkpoint; b is lost soon after
    assert display.summary({"a": (65, 100)}).endswith("at work, 7.4 min left")  # a quarter of four cells in a minute
    display.running({"a": (100, 100)})
    display.finished(4, Path("a"))
    assert display.summary({}).endswith("at work, 2.5 min left")  # six tenths of four cells, and six cells are left


def test_shards_that_are_parts_of_another_have_their_own_cells(clock) -> None:
    display = Display(plain()[0], CELLS, finished=0, failed=0)
    display.running({"a": (90, 100)})
    display.split("a", {"d": 3, "e": 1})
    assert display.summary({"d": None, "b": None}) == "0 of 10 cells done, 7 at work"
    clock.now += 60
    display.finished(3, Path("nowhere"))
    assert display.summary({"e": None}) == "3 of 10 cells done, 1 at work, 2.3 min left"


def test_one_cell_is_one_cell(clock) -> None:
    out = io.StringIO()
    with Display(Console(file=out, force_terminal=True, width=100), {"a": 1}, finished=0, failed=0) as display:
        display.running({"a": (1, 100)})
    assert "1 cell " in out.getvalue() and "0 of 1 cell done, 1 at work" in out.getvalue()
    assert "1 cells" not in out.getvalue()


def test_failures_of_earlier_starts_count(clock) -> None:
    console, out = plain()
    display = Display(console, CELLS, finished=0, failed=2)
    display.failed("strengths 4, seeds 1: ValueError: no")
    assert out.getvalue() == "failed: strengths 4, seeds 1: ValueError: no\n"
    assert display.summary({}).startswith("0 of 12 cells done, 0 at work, 3 failed")


@pytest.mark.parametrize(("largest", "value", "cell"), [(True, "0.75", "two"), (False, "0.25", "one")])
def test_the_best_so_far_is_of_all_finished_shards_and_of_no_model_without_a_value(
    clock, tmp_path, largest, value, cell
) -> None:
    display = Display(plain()[0], CELLS, finished=0, failed=0, best=Best("mig", largest))
    display.finished(2, shard(tmp_path / "a", cell=["one", "none"], mig=[0.25, None]))
    display.finished(1, shard(tmp_path / "b", cell=["two"], mig=[0.75]))
    display.finished(1, shard(tmp_path / "c", cell=["three"], mig=[0.5]))
    display.finished(1, shard(tmp_path / "d", cell=["four"], elbo=[1.0]))
    assert display.summary({}).endswith(f"best mig {value} (cell {cell})")


@pytest.mark.parametrize(("largest", "value"), [(True, "0.75 (cell two)"), (False, "0.25 (cell one)")])
def test_the_best_of_earlier_starts_stays_the_best(clock, tmp_path, largest, value) -> None:
    results = pa.table({"cell": ["one", "two", "failed"], "mig": [0.25, 0.75, None]})
    display = Display(plain()[0], CELLS, finished=2, failed=1, best=Best("mig", largest), results=results)
    assert display.summary({}).endswith(f"best mig {value}")
    display.finished(1, shard(tmp_path / "a", cell=["new"], mig=[0.5]))
    assert display.summary({}).endswith(f"best mig {value}")


def test_results_without_the_best_column_say_nothing_yet(clock) -> None:
    console, out = plain()
    results = pa.table({"cell": pa.array([], pa.string())})
    display = Display(console, CELLS, finished=0, failed=0, best=Best("mig"), results=results)
    assert "best" not in display.summary({}) + out.getvalue()


def test_elsewhere_than_on_a_terminal_there_are_plain_lines_now_and_then(clock) -> None:
    console, out = plain()
    with Display(console, CELLS, finished=0, failed=0) as display:
        for _ in range(50):
            clock.now += 1
            display.running({"a": None})
    assert out.getvalue().splitlines() == ["0 of 10 cells done, 4 at work"] * 2


def test_a_terminal_has_one_display_of_the_shards_at_work_and_what_is_said_stays(clock) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    many = {f"shard-{k}": 1 for k in range(20)}
    with Display(console, many, finished=0, failed=0) as display:
        display.say("shard-3: killed; it goes on from what it kept")
        display.running({"shard-0": (30, 100), **dict.fromkeys(list(many)[1:])})
    shown = out.getvalue()
    assert "step 30/100" in shown and "starts or measures" in shown and "shard-3: killed" in shown
    assert "shard-7 " in shown and "shard-8 " not in shown  # the others are in the count
    assert "0 of 20 cells done, 20 at work" in shown


def test_a_best_column_that_there_is_not_is_told_once_with_what_may_be_meant(clock, tmp_path) -> None:
    console, out = plain()
    display = Display(console, CELLS, finished=0, failed=0, best=Best("migg"))
    for name in "ab":
        display.finished(1, shard(tmp_path / name, cell=["one"], mig=[0.25], elbo=[1.0]))
    assert out.getvalue() == "best names migg, which shard a has not: did you mean mig\n"


def test_no_time_is_told_of_the_first_steps(clock) -> None:
    display = Display(plain()[0], CELLS, finished=0, failed=0)
    clock.now += 60
    assert "left" not in display.summary({"a": (1, 60)})
    assert display.summary({"a": (30, 60)}).endswith("4.0 min left")
