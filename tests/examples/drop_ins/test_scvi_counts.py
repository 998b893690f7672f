"""scvi-tools' SCVI trains to the same parameters."""

import pytest

pytest.importorskip("scvi", reason="needs pip install scvi-tools==1.4.2")

from examples.drop_ins import scvi_counts
from examples.drop_ins.compare import difference


def test_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(scvi_counts, scvi_counts.before, scvi_counts.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3
