"""What results.parquet keeps: only what is new is read again, and the results are the same whatever was kept, and
whoever else writes it.
"""

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyvae import files
from pyvae.files import exclusive_lock
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import NOTE, RESULTS, RESULTS_LOCK
from pyvae.sweeps.table import held, outcomes, results
from pyvae.sweeps.table.held import Held
from pyvae.sweeps.table.outcomes import version_of
from pyvae.sweeps.table.results import load_results, write_results
from tests.sweeps.synthetic import Synthetic, from_files


@pytest.fixture
def sweep(tmp_path: Path) -> Synthetic:
    """48 cells in 8 shards, of which none is done."""
    return Synthetic(tmp_path / "sweep")


@pytest.fixture
def shards_read(monkeypatch) -> list[str]:
    """The shards whose files are read, as they are."""
    read: list[str] = []
    for name in ("_rows", "_reason"):
        original = getattr(outcomes, name)

        def noted(path: Path, original=original) -> object:
            read.append(path.parent.name)
            return original(path)

        monkeypatch.setattr(outcomes, name, noted)
    return read


def test_only_what_is_new_is_read(sweep, shards_read) -> None:
    first, second, third, fourth = [*sweep.shards][:4]
    sweep.finish(first, second)
    sweep.fail(third)
    load_results(sweep.folder)
    assert sorted(shards_read) == sorted([first, second, third])
    for _ in range(2):
        shards_read.clear()
        load_results(sweep.folder)
        assert not shards_read
    sweep.finish(fourth)
    sweep.finish(second, change={"steps_taken": 200})  # as of a sweep that went on to more steps
    table = load_results(sweep.folder)
    assert sorted(shards_read) == sorted([second, fourth])
    assert table.equals(from_files(sweep.folder))
    steps = dict(zip(table["shard"].to_pylist(), table["steps_taken"].to_pylist(), strict=True))
    assert steps == {first: 100, second: 200, third: None, fourth: 100}


def test_results_are_the_same_whatever_was_kept_before(sweep) -> None:
    """After each of many random events: shards finish, diverge, fail, open again, are divided; the sweep grows."""
    draw, states = random.Random(7), set()
    for event in range(40):
        shard = draw.choice([*sweep.shards])
        match draw.choice(["finish", "finish", "finish", "diverge", "fail", "open", "grow", "axis", "divide"]):
            case "finish":
                sweep.finish(shard, change={"steps_taken": event, "extra": draw.choice([1, 2.5])})
            case "diverge":
                sweep.finish(shard, diverged=sweep.shards[shard][::2])
            case "fail":
                sweep.fail(shard, f"reason {event}")
            case "open":
                for file in ("rows.parquet", "failure.json"):
                    sweep.path(shard, file).unlink(missing_ok=True)
            case "grow":
                sweep.add(5, 3)
            case "axis":
                for values in sweep.cells.values():
                    values["tc" if event % 2 else f"axis{event}"] = None if event % 2 else event
                sweep.write()
            case "divide":
                cells = sweep.shards.pop(shard)
                sweep.shards |= {f"{event:012x}": cells[:2], f"{event + 1000:012x}": cells[2:]}
                sweep.shards = {name: cells for name, cells in sweep.shards.items() if cells}
                sweep.write()
        expected = from_files(sweep.folder)
        assert load_results(sweep.folder).equals(expected)
        assert pq.read_table(sweep.folder / "results.parquet").equals(expected)
        assert load_results(sweep.folder).equals(expected)
        states |= {*expected["status"].to_pylist()}
    assert states == {"finished", "diverged", "failed"}


def test_results_are_written_once_and_whole(sweep) -> None:
    sweep.finish()
    path = write_results(str(sweep.folder))
    assert path == sweep.folder / "results.parquet" and pq.read_table(path).equals(from_files(sweep.folder))
    before = path.stat()
    assert write_results(sweep.folder) == path
    load_results(sweep.folder)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(file.name for file in sweep.folder.iterdir() if file.is_file()) == [
        ".results.lock",
        "cells.parquet",
        "results.json",
        "results.parquet",
        "shards.json",
    ]


def test_a_folder_that_cannot_be_written_is_read(sweep, monkeypatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    sweep.finish()
    monkeypatch.setattr(Held, "write", refused)
    assert len(load_results(sweep.folder)) == 48
    assert not (sweep.folder / "results.parquet").exists()
    with pytest.raises(PermissionError):
        write_results(sweep.folder)


@pytest.mark.parametrize("damage", ["torn", "empty", "foreign", "other format", "text"])
def test_a_results_file_that_cannot_be_read_is_made_again(sweep, damage) -> None:
    sweep.finish()
    path = write_results(sweep.folder)
    data = path.read_bytes()
    if damage == "foreign":
        pq.write_table(pa.table({"cell": ["x"]}), path)
    elif damage == "other format":
        note = json.loads((sweep.folder / NOTE).read_text())
        pq.write_table(pq.read_table(path).slice(1), path)
        (sweep.folder / NOTE).write_text(json.dumps({**note, "table": version_of(path), "format": 0}))
    else:
        path.write_bytes({"torn": data[: len(data) // 2], "empty": b"", "text": b"results"}[damage])
    assert load_results(sweep.folder).equals(from_files(sweep.folder))
    assert pq.read_table(path).equals(from_files(sweep.folder))


def test_a_shard_whose_file_goes_while_it_is_read_is_open(sweep, monkeypatch) -> None:
    first, second, third = [*sweep.shards][:3]
    sweep.finish(first, second)
    sweep.fail(third)
    seen = outcomes.stamps(sweep.folder, sweep.shards)
    sweep.path(second, "rows.parquet").unlink()
    sweep.path(third, "failure.json").unlink()
    monkeypatch.setattr("pyvae.sweeps.table.results.stamps", lambda folder, shards: seen)
    assert {*load_results(sweep.folder)["shard"].to_pylist()} == {first}
    monkeypatch.undo()
    sweep.finish(second)
    assert {*load_results(sweep.folder)["shard"].to_pylist()} == {first, second}


# --- Several who write ------------------------------------------------------------------------------------------------


def during(monkeypatch, place: object, name: str, happens: Callable[[], None]) -> None:
    """Something happens right after the first call of a function."""
    original = getattr(place, name)

    def called(*arguments: object) -> object:
        found = original(*arguments)
        monkeypatch.setattr(place, name, original)
        happens()
        return found

    monkeypatch.setattr(place, name, called)


def test_a_note_is_of_its_own_table_whoever_replaces_it_meanwhile(sweep, monkeypatch) -> None:
    """As a version of this package without a lock may."""
    *most, last = sweep.shards
    sweep.finish(*most)
    load_results(sweep.folder)
    older = Held.read(sweep.folder)
    sweep.finish(last)
    during(monkeypatch, files.os, "replace", lambda: pq.write_table(older.table, sweep.folder / RESULTS))
    write_results(sweep.folder)
    assert load_results(sweep.folder).equals(from_files(sweep.folder))
    sweep.finish(*sweep.add(6, 6))
    write_results(sweep.folder)
    assert len(pq.read_table(sweep.folder / RESULTS)) == 54


def test_a_table_that_takes_the_place_of_another_while_it_is_read_is_not_taken_for_it(sweep, monkeypatch) -> None:
    first, second, *_ = sweep.shards
    sweep.finish(first)
    write_results(sweep.folder)
    sweep.finish(second)
    during(monkeypatch, held, "version_of", lambda: write_results(sweep.folder))
    found = Held.read(sweep.folder)
    assert (len(found.table), [*found.stamps]) == (6, [first])


def test_a_slow_reader_does_not_replace_a_newer_table(sweep, monkeypatch) -> None:
    *most, last = sweep.shards
    sweep.finish(*most)

    def ends() -> None:
        sweep.finish(last)
        write_results(sweep.folder)

    during(monkeypatch, results, "read", ends)
    assert len(load_results(sweep.folder)) == 42  # as it was when it began
    assert pq.read_table(sweep.folder / RESULTS).equals(from_files(sweep.folder))


def test_who_only_reads_waits_for_nobody_and_who_writes_does(sweep) -> None:
    sweep.finish()
    writer = threading.Thread(target=write_results, args=(sweep.folder,))
    with exclusive_lock(sweep.folder / RESULTS_LOCK):
        assert len(load_results(sweep.folder)) == 48 and not (sweep.folder / RESULTS).exists()
        writer.start()
        writer.join(0.2)
        assert writer.is_alive() and not (sweep.folder / RESULTS).exists()
    writer.join()
    assert len(pq.read_table(sweep.folder / RESULTS)) == 48


def test_a_reader_makes_no_file_before_a_coordinator_has(sweep) -> None:
    sweep.finish()
    (sweep.folder / RESULTS_LOCK).unlink()
    before = {*sweep.folder.iterdir()}
    assert len(load_results(sweep.folder)) == 48 and {*sweep.folder.iterdir()} == before
    write_results(sweep.folder)
    assert {file.name for file in {*sweep.folder.iterdir()} - before} == {RESULTS, NOTE, RESULTS_LOCK}


def test_no_folder_is_made_of_what_holds_no_sweep(tmp_path) -> None:
    with pytest.raises(SweepError, match="folder must hold a sweep, but"):
        write_results(tmp_path / "none")
    assert not (tmp_path / "none").exists()
