"""Models measured by several processes: the same numbers, each kept, and nobody left behind."""

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.metrics import METRICS, Codes, Measured, Metric
from pyvae.metrics.evaluate import chosen_metrics
from pyvae.studies import StudyError, scores, side_by_side
from pyvae.studies import evaluate as room
from pyvae.studies.biased_grid import STUDY
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.models import load_groups
from pyvae.studies.scores import Measuring, Points, Scores
from pyvae.studies.side_by_side import MOST, measure_all, processes_for
from tests.pages.runs import trained_in
from tests.studies.biased_grid.tiny import tiny

CHEAP = ["modularity", "gaussian_total_correlation", "active_latents"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    return trained_in(tmp_path_factory.mktemp("run"), tiny("steps=2"))


@pytest.fixture
def by_two(trained, tmp_path, monkeypatch, in_turn) -> Path:
    monkeypatch.setattr(side_by_side, "processes_for", lambda models: 2)
    return Path(shutil.copytree(trained, tmp_path / "run"))


def told(out: Path) -> str:
    text = io.StringIO()
    evaluate_run(out, metrics=CHEAP, points=60, console=Console(file=text, width=200))
    return text.getvalue()


def numbers(out: Path) -> list[dict]:
    return pq.read_table(out / "metrics.parquet").drop_columns("seconds").to_pylist()


def test_processes_are_no_more_than_threads_and_have_something_to_do_each(monkeypatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert [processes_for(models) for models in (0, 1, 7, 8, 11, 16, 1000)] == [1, 1, 1, 2, 2, 4, 4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    assert processes_for(1000) == MOST
    monkeypatch.setattr(side_by_side.importlib.util, "find_spec", lambda name: None)
    assert processes_for(1000) == 1


def test_two_processes_give_the_numbers_of_one(trained, tmp_path, by_two, monkeypatch) -> None:
    assert "measuring model 8 of 8" in told(by_two)
    assert "24 scores of models are kept from before" in told(by_two)
    monkeypatch.setattr(side_by_side, "processes_for", lambda models: 1)
    alone = Path(shutil.copytree(trained, tmp_path / "alone"))
    told(alone)
    assert numbers(by_two) == numbers(alone) and len(numbers(alone)) == 24
    files = [sorted(path.name for path in out.glob("metrics/**/*.json")) for out in (by_two, alone)]
    assert files[0] == files[1] and len(files[0]) == 8


def test_each_model_is_measured_by_one_thread(trained, tmp_path, monkeypatch) -> None:
    """As by a process of several: kill -9 in the middle of a study once gave the last digits of two."""
    seen, real = [], scores.outcome_of

    def seeing(*args, **kwargs):
        seen.append(torch.get_num_threads())
        return real(*args, **kwargs)

    monkeypatch.setattr(scores, "outcome_of", seeing)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        told(Path(shutil.copytree(trained, tmp_path / "alone")))
        assert torch.get_num_threads() == 2 and seen == [1] * 24
    finally:
        torch.set_num_threads(before)


def test_a_stop_ends_all_and_keeps_what_is_done(by_two, monkeypatch) -> None:
    real, heard = room._Progress.next, []

    def stopping(progress, model, metric) -> None:
        if len(heard) == 4:  # with the second model that is done
            raise Interrupted("stopped")
        heard.append(model)
        real(progress, model, metric)

    with monkeypatch.context() as patch:
        patch.setattr(room._Progress, "next", stopping)
        with pytest.raises(Interrupted, match="go on with"):
            told(by_two)
    assert len(numbers(by_two)) >= 6
    told(by_two)
    assert len(numbers(by_two)) == 24


def test_a_study_announces_as_many_models_as_are_at_work_and_stops_all(by_two) -> None:
    recipes, groups = STUDY.recipes(tiny("steps=2")), load_groups(by_two)
    how = Measuring(chosen_metrics(CHEAP), points=60)

    def every() -> list[Scores]:
        return [Scores(by_two, group, recipes[group], groups[group], how) for group in groups]

    points, announced = Points(tiny().grid, 60), []

    def stopping(*told: int) -> None:
        announced.append(told)
        if len(announced) == 4:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        measure_all(every(), points, stopping)
    assert announced == [(k, k + 2, 8) for k in range(4)]
    known = sum(not one.open(k) for one in every() for k in range(len(one.parts)))
    announced.clear()
    measure_all(every(), points, lambda *told: announced.append(told))
    assert 3 <= known <= 5 and announced == [(k, min(k + 2, 8), 8) for k in range(known, 8)]


@pytest.mark.parametrize("killed", [False, True])
def test_a_process_that_dies_is_a_sentence_and_what_is_done_is_kept(by_two, killed, monkeypatch) -> None:
    """Of a metric that ends the process that measures it."""
    last = METRICS[CHEAP[-1]]
    if killed:
        monkeypatch.setitem(METRICS, CHEAP[-1], Metric(last.name, dying))
        with pytest.raises(StudyError, match=r"^a process that measured models was ended from outside, .*kept"):
            told(by_two)
        assert 2 <= len(numbers(by_two)) <= 16
        monkeypatch.setitem(METRICS, CHEAP[-1], last)
    told(by_two)
    assert len(numbers(by_two)) == 24


def dying(codes: Codes) -> Measured:
    os._exit(1)


def test_none_is_started_where_that_cannot_be() -> None:
    script = "import torch; from pyvae.studies import side_by_side; torch.set_num_threads(2)"
    script += "; print(side_by_side.processes_for(8))"
    for settings, expected in (({"JOBLIB_MULTIPROCESSING": "0"}, "1"), ({}, "2")):
        ran = subprocess.run(
            [sys.executable, "-c", script], check=True, env={**os.environ, **settings}, capture_output=True, text=True
        )
        assert ran.stdout.strip() == expected


ASLEEP = """
import os, pathlib, sys, time
from joblib import Parallel, delayed
from pyvae.studies.side_by_side import _Order

class Asleep:
    def measure(self, tell):
        open(os.path.join(sys.argv[1], str(os.getpid())), "w").close()
        time.sleep(120)

if __name__ == "__main__":
    orders = [_Order(k, Asleep(), os.getpid(), pathlib.Path("none")) for k in range(2)]
    Parallel(2)(delayed(order.carried_out)() for order in orders)
"""


@pytest.mark.skipif(not hasattr(os, "getppid") or sys.platform == "win32", reason="asks for processes by signal 0")
def test_processes_end_with_one_that_is_killed(tmp_path) -> None:
    script, pids = tmp_path / "asleep.py", tmp_path / "pids"
    script.write_text(ASLEEP.replace("sys.argv[1]", repr(str(pids))))
    pids.mkdir()
    main = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL)  # which the tracker of loky writes to
    try:
        _wait(lambda: len(list(pids.iterdir())) == 2)
    finally:
        main.kill()
        main.wait()
    _wait(lambda: not any(_alive(int(path.name)) for path in pids.iterdir()))


def _wait(until) -> None:
    for _ in range(600):
        if until():
            return
        time.sleep(0.1)
    raise AssertionError("waited for a minute")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
