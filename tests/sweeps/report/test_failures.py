"""What went wrong: counted, grouped by the reason, with the end of each log."""

import re
from pathlib import Path

from pyvae.sweeps.names import FOLDER, LOG
from pyvae.sweeps.report.failures import ALIKE, LINES, failures, logged
from tests.sweeps.report.sweeps import of, opened, words

NAN = float("nan")


def outcome(values):
    if values["strengths"] == 1:
        return f"OutOfMemoryError: {values['seeds']}.5 GB are left of worker 0123456789ab"
    if values["strengths"] == 2:
        return "ValueError: <no> & never"
    return of(lambda strengths, seeds: NAN if strengths == 4 else 0.5)(values)


AXES = {"strengths": [1, 2, 4, 8], "seeds": [0, 1, 2, 3, 4]}


def test_reasons_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    axes = [{"grid": AXES}]
    held = opened(
        tmp_path, axes, lambda v: outcome(v) if v["seeds"] or v["strengths"] != 2 else {"finite": True, "mig": 1}
    )
    text = words(f"<main>{failures(held)}</main>")
    assert "9 of 20 cells failed and have no numbers; 5 of 11 trained models diverged, and count nowhere else." in text
    rows = [line.split(" | ")[:4] for line in text.splitlines() if " | " in line]
    assert rows[1:] == [
        ["failed", "OutOfMemoryError: 0.5 GB are left of worker 0123456789ab", "5", "beta 1, seed 0"],
        ["diverged", "training diverged: its loss is not finite", "5", "beta 4, seed 0"],
        ["failed", "ValueError: <no> & never", "4", "beta 2, seed 1"],
    ]


def test_each_reason_has_the_end_of_a_log(tmp_path: Path) -> None:
    held = opened(tmp_path, AXES, outcome)
    shown = logged(held)
    reasons = [held.table["reason"][row].as_py().split(":")[0] for row in shown]
    assert reasons == ["OutOfMemoryError", "ValueError"] * ALIKE
    text = failures(held)
    panes = re.findall(r'<details class="pane" id="failed-(\d+)">(.*?)</details>', text, re.DOTALL)
    assert [int(row) for row, _ in panes] == shown
    for row, pane in panes:
        lines = re.findall(r"line (\d+) &lt;of&gt; (\w+)", pane)
        assert len(lines) == LINES and lines[-1] == ("99", held.cell(int(row))) and held.cell(int(row)) in pane
    assert re.findall(r'href="#([^"]*)"', text) == ["failed-0", "failed-5"]


def test_a_log_may_be_long_broken_or_gone(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2], "seeds": [0]}, outcome)
    logs = sorted((tmp_path / FOLDER).glob(f"*/{LOG}"))
    logs[0].write_bytes(b"x" * 1_000_000 + b"\xff\nthe end\n")
    logs[1].unlink()
    text = failures(held)
    assert "the end" in text and len(text) < 12_000 and text.count("Its log is not there.") == 1


def test_where_nothing_went_wrong_there_is_nothing(tmp_path: Path) -> None:
    assert failures(opened(tmp_path, {"strengths": [1]}, of(lambda strengths: 1.0))) == ""
