"""`pyvae sweep` and `pyvae results` as they are typed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sweeps.tiny import tiny


def typed(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pyvae", *words], capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # YAML has JSON in it.
    (tmp_path / "mine.yaml").write_text(tiny({"learning_rate": [1e-3, 1e-2]}, strengths=[1.0], seeds=[0]).to_json())
    return tmp_path


def test_a_sweep_is_planned_run_and_shown(folder) -> None:
    planned = typed("sweep", "mine.yaml", "--dry-run", "--set", "strengths=1,4", cwd=folder)
    assert planned.stdout == "2 cells, 4 models, of vae over learning_rate\n", planned.stderr
    one = typed("sweep", "mine.yaml", "--set", "steps=16", "--workers", "1", "--threads", "1", cwd=folder)
    assert one.returncode == 0 and "2 cells: 2 finished" in one.stdout, one.stderr
    shown = typed("results", "runs/mine", "--columns", "learning_rate,steps_taken,status", "--csv", cwd=folder)
    lines = shown.stdout.replace('"', "").splitlines()
    assert lines == ["learning_rate,steps_taken,status", "0.001,16,finished", "0.01,16,finished"], shown.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothere.yaml"], "config must be a sweep's YAML file or folder, but there is no nothere.yaml"),
        (["mine.yaml", "--set", "steps"], "--set expects field=value, got 'steps'"),
        (["mine.yaml", "--set", "stepz=3"], "unknown field 'stepz': did you mean steps?"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder, words, told) -> None:
    found = typed("sweep", *words, cwd=folder)
    assert found.returncode == 2 and found.stderr.count("\n") == 1 and told in found.stderr
