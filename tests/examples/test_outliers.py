"""examples/outliers.py runs and leaves what it says, and docs/pictures.md shows what it left."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn, the extra 'data'")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/pictures.md"
RESULT = ROOT / "docs/pictures/result.json"


def test_it_writes_its_pictures_and_tells_digits_apart(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/outliers.py", tmp_path / "out", "--steps", "150", "--seeds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {path.name for path in RESULT.parent.iterdir()}
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result.keys() == json.loads(RESULT.read_text()).keys() and len(result["rows"]) == 10
    assert result["mean_auc"]["elbo"] > 0.7 > 0.6 > result["mean_auc"]["control"] > 0.4
    for row in result["rows"]:
        assert row["interval"][0] < row["auc"]["elbo"] < row["interval"][1]


def test_the_page_shows_the_committed_figures() -> None:
    result, page = json.loads(RESULT.read_text()), PAGE.read_text()
    for digit in range(10):
        areas = [row["auc"] for row in result["rows"] if row["digit"] == digit]
        elbo = [area["elbo"] for area in areas]
        named = ("control", "reconstruction", "kl")
        others = " | ".join(f"{np.mean([area[name] for area in areas]):.3f}" for name in named)
        assert f"| {digit} | {np.mean(elbo):.3f} ({min(elbo):.3f} to {max(elbo):.3f}) | {others} |" in page
    assert f"alone it is at {result['mean_auc']['kl']:.3f} on average" in page
    words, control = " ".join(page.split()), result["mean_auc"]["control"]
    assert f"by a model that has seen it the area is {control:.3f} on average" in words
    seen = [np.mean([row["auc"]["control"] for row in result["rows"] if row["digit"] == digit]) for digit in range(10)]
    least, most = np.argmin(seen), np.argmax(seen)
    assert f"from {seen[least]:.3f} for a {least} to {seen[most]:.3f} for a {most}." in words
    kl = {digit: [row["auc"]["kl"] for row in result["rows"] if row["digit"] == digit] for digit in (0, 8)}
    assert all(max(areas) < 0.5 for areas in kl.values())


def test_every_picture_is_on_the_page() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", PAGE.read_text()))
    assert shown == {path.name for path in RESULT.parent.iterdir() if path.suffix in (".png", ".gif")}
