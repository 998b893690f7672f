"""The list of mutants fits the sources; tests/mutants/run.py, which `make test-long` runs, builds and tests them."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.mutant import Mutant, load
from tests.mutants.workshop import ROOT
from tests.ops.stems import OPS


@pytest.mark.parametrize("mutant", load(), ids=lambda m: m.name)
def test_a_mutant_applies(mutant: Mutant, tmp_path: Path) -> None:
    copy = tmp_path / mutant.file
    copy.parent.mkdir(parents=True)
    shutil.copy2(ROOT / mutant.file, copy)
    mutant.apply(tmp_path)
    assert copy.read_text() != (ROOT / mutant.file).read_text()


def test_every_op_has_twenty_in_several_files() -> None:
    counts = Counter(m.op for m in load())
    assert sorted(counts) == OPS and min(counts.values()) >= 20
    for op in OPS:
        assert len({m.file for m in load() if m.op == op}) >= 3


def test_a_mutant_that_no_longer_applies_is_an_error(tmp_path: Path) -> None:
    mutant = Mutant("op", 1, "missing.h", "a", "b", "why")
    with pytest.raises(ValueError, match=r"op-01 no longer applies: missing\.h holds its text 0 times"):
        mutant.apply(tmp_path)
