"""`make gpu` as far as no GPU is needed: its steps, bars and tables, and a dry run of the whole on the CPU."""

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import bars, build, cases, report, steps
from benchmarks.gpu.every_op import CALLS, run
from benchmarks.gpu.every_op import cases as sanitized_cases
from pyvae.bench.cases import BACKWARD, DENSITY, FORWARD, GRIDDED, KL, REPARAMETERIZE, Case
from pyvae.bench.contest import Timing
from pyvae.bench.gpu import EventContest, GpuCeilings
from pyvae.bench.results import Row, TrainingRow
from tests.bench.fakes import FakeClock
from tests.ops.stems import CUDA_OPS, stem_of

ROOT = Path(__file__).parents[2]
CEILINGS = GpuCeilings(1e13, 1e12, 1e11, 4e12)


def row(case: Case, share: float | None, **seconds: float) -> Row:
    return Row(case, {name: Timing(s, s, 3) for name, s in seconds.items()}, {}, {}, "ex2", share)


# --- Steps ------------------------------------------------------------------------------------------------------------


def outcome(code: str, tmp_path: Path, *, left: float = 20.0, **options: object) -> steps.Outcome:
    step = steps.Step("one", [sys.executable, "-c", code], 10.0, **options)
    return steps.run(step, dict(os.environ), left, tmp_path / "one.log")


def is_alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()  # Z: ended, and nobody has asked
    except OSError:
        return False


def test_a_step_passes_or_fails_with_its_last_line(tmp_path: Path) -> None:
    passed, failed = outcome("print('two of two')", tmp_path), outcome("print('no'); raise SystemExit(3)", tmp_path)
    assert (passed.state, passed.note, passed.is_well) == (steps.PASSED, "two of two", True)
    assert (failed.state, failed.note, failed.is_well) == (steps.FAILED, "no", False)


def test_a_step_that_hangs_ends_with_what_it_started(tmp_path: Path) -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    hung = outcome(code, tmp_path, left=1.5)
    assert hung.state == steps.OUT_OF_TIME and not hung.is_well and hung.seconds < 10
    end = time.monotonic() + 10
    while is_alive(int(hung.note)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(int(hung.note))


def test_a_step_without_its_tool_or_without_time_does_not_run(tmp_path: Path) -> None:
    assert outcome("1/0", tmp_path, missing="needs ncu").state == steps.LEFT_OUT
    late = outcome("print(1)", tmp_path, left=-1.0)
    assert late.state == steps.OUT_OF_TIME and "no time was left" in late.note
    cut = outcome("import time; print('...', flush=True); time.sleep(60)", tmp_path, left=1.0, may_be_cut=True)
    assert (cut.state, cut.is_well, cut.note) == (steps.CUT_SHORT, True, "...")


# --- Bars -------------------------------------------------------------------------------------------------------------


def test_bars_are_met_missed_or_not_measured() -> None:
    first, second = cases.EXACT_FORWARD
    measured = [
        row(first, 0.71, pyvae=1e-3),
        row(second, 0.69, pyvae=1e-3),
        row(cases.GRIDDED_STEP, 0.1, pyvae=0.041),
        Row(cases.AGAINST_COMPILED, {"pyvae": Timing(1e-3, 1e-3, 3)}, {}, {"torch.compile": "failed with OSError"}),
        row(cases.KL_OF_64_MI, 0.86, pyvae=1e-3),
    ]
    verdicts = bars.of_ops(measured)
    states = [verdict.state for verdict in verdicts]
    assert states == ["met", "missed", "missed", "not measured", "met", "not measured"]
    assert verdicts[0].measured == "71.0% of ex2" and verdicts[2].measured == "41.0 ms"
    assert verdicts[3].measured == "failed with OSError"
    faster = bars.of_ops([row(cases.AGAINST_COMPILED, 0.5, **{"pyvae": 1e-3, "torch.compile": 0.0125})])[3]
    assert (faster.state, faster.measured) == ("met", "12.5")


@pytest.mark.parametrize(("seconds", "state"), [(0.1, "missed"), (0.2, "met"), (None, "not measured")])
def test_the_bar_on_the_training_step(seconds: float | None, state: str) -> None:
    other = TrainingRow("eager", 8192, 1.0, 0.9, 3)
    (verdict,) = bars.of_training([other, TrainingRow("pyvae", 8192, seconds, 0.02, 3, "")])
    assert verdict.state == state


def test_every_bar_is_measured_before_all_else() -> None:
    every = list(cases.cases(toy=False))
    assert tuple(every[: len(cases.BARS)]) == cases.BARS and len(set(every)) == len(every)
    assert all(cases.providers(case)[0] == "pyvae" for case in every)
    assert "torch.compile" in cases.providers(cases.AGAINST_COMPILED)


# --- Ceilings ---------------------------------------------------------------------------------------------------------


def test_the_tighter_ceiling_counts() -> None:
    density = Case(DENSITY, 8, 3, FORWARD)
    assert CEILINGS.floors(density) == {"fma": 5 * 192 / 1e13, "ex2": (192 + 64) / 1e12}
    assert CEILINGS.share(density, 256 / 1e12) == ("ex2", pytest.approx(1))
    both = CEILINGS.floors(Case(DENSITY, 8, 3, BACKWARD))
    assert both == {"fma": 16 * 192 / 1e13, "ex2": 2 * (192 + 64) / 1e12}
    assert CEILINGS.floors(Case(GRIDDED, 8, 3, BACKWARD)) == {"fma": 10 * 192 / 1e13, "ex2": 2 * 64 / 1e12}
    assert CEILINGS.floors(Case(KL, 8, 3, FORWARD)) == {"copy": 4 * (2 * 24 + 8) / 4e12, "philox": 0.0}
    sample = CEILINGS.floors(Case(REPARAMETERIZE, 5, 3, BACKWARD))
    assert sample == {"copy": 4 * 6 * 15 / 4e12, "philox": 2 * 4 / 1e11}


class FakeEvent:
    """An event on the time of a clock that evaluations move."""

    clock = FakeClock()

    def __init__(self, enable_timing: bool) -> None:
        self.at = 0.0

    def record(self) -> None:
        self.at = self.clock.now

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, later: "FakeEvent") -> float:
        return 1e3 * (later.at - self.at)


def test_a_sample_is_the_mean_of_evaluations_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    clock = FakeEvent.clock
    contest = EventContest({"pyvae": clock.evaluation("pyvae", 0.0009), "eager": clock.evaluation("eager", 0.02)})
    del clock.calls[:]
    contest.run(1)
    assert clock.calls == ["eager"] + ["pyvae"] * (1 + 5)  # one that goes before, and five in 5 ms
    assert contest.samples == {"pyvae": [pytest.approx(0.0009)], "eager": [pytest.approx(0.02)]}


# --- Building, sanitizing, reporting ----------------------------------------------------------------------------------


def test_the_build_names_no_package_of_its_own_and_the_gpu_alone(tmp_path: Path) -> None:
    command = build.configuration(tmp_path, "90-real", tmp_path / "site")
    assert {"-DPYVAE_CUDA=ON", "-DPYVAE_WHEEL=ON", "-DPYVAE_CUDA_ARCHITECTURES=90-real"} <= set(command)
    assert "-DSKBUILD_PROJECT_VERSION=0.1.0" in command and f"-DPython_EXECUTABLE={sys.executable}" in command


def test_a_wheel_without_cuda_is_refused_and_one_with_it_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "pyvae.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pyvae/__init__.py", "")
    with pytest.raises(SystemExit, match=r"pyvae\.whl holds no CUDA library"):
        build.unpack_into(tmp_path, wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("pyvae/libpyvae_ops_cuda.so", "")
    build.unpack_into(tmp_path, wheel)
    assert (build.site(tmp_path) / "pyvae/libpyvae_ops_cuda.so").is_file()


def test_the_sanitized_program_calls_every_op() -> None:
    chosen = {name: (shape, dtype) for name, shape, dtype in sanitized_cases()}
    assert set(chosen) == set(CALLS) and sorted({stem_of(name) for name in CALLS}) == CUDA_OPS
    for name, (shape, dtype) in chosen.items():
        run(name, shape, dtype, "cpu")


def test_a_run_that_measured_nothing_says_so(tmp_path: Path) -> None:
    found = report.gather(tmp_path, [steps.Outcome("build", steps.FAILED, 1.0, "no nvcc")])
    text = report.markdown(found)
    assert "| build | failed | 1 | no nvcc |" in text and text.count("not measured") == 4
    assert report.folder_name(tmp_path) == ""


def test_a_dry_run_writes_both_files(tmp_path: Path) -> None:
    options = ["--installed", "--device", "cpu", "--toy", "--steps", "facts", "ops", "training", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.gpu", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert [step["state"] for step in found["steps"]] == ["passed"] * 3
    assert found["ops"] and found["training"] and found["ceilings"] and len(found["bars"]) == 7
    assert all(bar["state"] == "not measured" for bar in found["bars"])  # toy sizes are no bar's
    text = (tmp_path / "results.md").read_text()
    assert "| minibatch_log_density 48 x 10 forward | pyvae |" in text and "| 16 | eager |" in text


# A machine with a GPU may lack these; docs/gpu.md asks for numpy and rich alone.
ABSENT = ("matplotlib", "pyarrow", "safetensors", "typer", "yaml")
ALONE = f"""
import sys
sys.modules.update(dict.fromkeys({ABSENT!r}))  # None: an import of it fails
from benchmarks.gpu import every_op, facts, measure, report, training
"""


def test_the_steps_need_few_packages() -> None:
    ran = subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_dry_run_may_not_write_where_measurements_of_gpus_are() -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and "--out must be given for a dry run" in ran.stderr
