"""What results.parquet keeps: only what is new is read again, and the results are the same whatever was kept."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.names import NOTE
from pyvae.sweeps.table import outcomes
from pyvae.sweeps.table.held import Held
from pyvae.sweeps.table.outcomes import version_of
from pyvae.sweeps.table.results import load_results, merged, write_results
from tests.sweeps.synthetic import Synthetic


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
    assert table.equals(merged(sweep.folder))
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
        expected = merged(sweep.folder)
        assert load_results(sweep.folder).equals(expected)
        assert pq.read_table(sweep.folder / "results.parquet").equals(expected)
        assert load_results(sweep.folder).equals(expected)
        states |= {*expected["status"].to_pylist()}
    assert states == {"finished", "diverged", "failed"}


def test_results_are_written_once_and_whole(sweep) -> None:
    sweep.finish()
    path = write_results(str(sweep.folder))
    assert path == sweep.folder / "results.parquet" and pq.read_table(path).equals(merged(sweep.folder))
    before = path.stat()
    assert write_results(sweep.folder) == path
    load_results(sweep.folder)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(file.name for file in sweep.folder.iterdir() if file.is_file()) == [
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
    assert load_results(sweep.folder).equals(merged(sweep.folder))
    assert pq.read_table(path).equals(merged(sweep.folder))


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
