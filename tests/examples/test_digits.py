"""examples/digits.py runs and leaves what it says, and docs/digits.md shows what it left."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn, the extra 'data'")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/digits.md"
RESULT = ROOT / "docs/digits/result.json"


def test_it_writes_its_pictures_and_its_loss_falls(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/digits.py", tmp_path / "out", "--steps", "40"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(found) == {"total_correlation.png", "traversals.png", "mig.png", "result.json"}
    assert all(data.startswith(b"\x89PNG") for name, data in found.items() if name.endswith(".png"))
    result = json.loads(found["result.json"])
    assert result["loss"]["last"] < 0.8 * result["loss"]["first"]
    assert [point["step"] for point in result["exact_total_correlation"]] == list(range(0, 41, 4))
    assert result.keys() == json.loads(RESULT.read_text()).keys()


def test_the_page_shows_the_committed_figures() -> None:
    result = json.loads(RESULT.read_text())
    parts, score = result["kl_decomposition"], result["mig"]
    minibatch = result["minibatch_total_correlation"]
    expected = [
        *(
            f"{parts[name]['value']:.2f} ± {parts[name]['standard_error']:.2f}"
            for name in ("mutual_information", "total_correlation", "dimwise_kl_sum")
        ),
        f"{minibatch:.2f}",
        f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})",
        f"{result['seconds']['all']:.0f} s",
    ]
    shown = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)[1:]
    assert [cell for cell in shown if set(cell) != {"-"}] == expected


def test_every_picture_is_on_the_page() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\(digits/([^)]+)\)", PAGE.read_text()))
    assert shown == {path.name for path in RESULT.parent.glob("*.png")}
