"""examples/bank.py runs and leaves what it says, and docs/bank.md shows what it left."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn, the extra 'data'")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/bank.md"
RESULT = ROOT / "docs/bank/result.json"


def test_the_bank_logs_the_exact_total_correlation(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/bank.py", tmp_path / "out", "--epochs", "6"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"result.json", "total_correlation.png"}
    curves = json.loads((tmp_path / "out" / "result.json").read_text())["curves"]
    bank, mss = (abs(curves[name][-1] - curves["exact"][-1]) for name in ("bank", "mss"))
    assert bank < 0.4 < 0.5 < mss


def test_the_page_shows_the_committed_figures() -> None:
    result, page = json.loads(RESULT.read_text()), " ".join(PAGE.read_text().split())
    ends = {name: sum(values[-10:]) / 10 for name, values in result["curves"].items()}
    told = f"the bank {ends['bank']:.2f}, mss {ends['mss']:.2f}, where {ends['exact']:.2f} is exact"
    assert told.replace("-", "\N{MINUS SIGN}") in page
    five = result["mutual_information_by_minibatches_of_five"]
    assert f"mss reads {five['mss']:.1f} nats, the bank {five['bank']:.1f}, and {five['exact']:.1f} is exact" in page
