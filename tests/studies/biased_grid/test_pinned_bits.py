"""The biased-grid study's numbers are those that were recorded: bit for bit where they were, to rounding elsewhere."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.studies.biased_grid import pin

NEAR = {"rtol": 5e-3, "atol": 5e-4}


@pytest.fixture(scope="module", params=pin.STUDIES)
def study(request, tmp_path_factory) -> tuple[str, Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("pinned") / request.param
    return request.param, folder, pin.run(pin.STUDIES[request.param], folder)


def test_files_and_checkpoint_are_the_recorded_bytes(study) -> None:
    name, _, digests = study
    recorded = json.loads(pin.DIGESTS.read_text())
    if pin.place() not in recorded:
        pytest.skip(f"no bits are recorded for {pin.place()}: values are compared to rounding instead")
    assert digests == recorded[pin.place()][name]


@pytest.mark.parametrize("table", pin.TABLES)
def test_tables_are_the_recorded_ones_to_rounding(study, table) -> None:
    name, folder, _ = study
    found, recorded = pq.read_table(folder / table), pq.read_table(pin.PINNED / name / table)
    assert found.column_names == recorded.column_names and found.num_rows == recorded.num_rows
    for column in recorded.column_names:
        a, b = found[column].to_numpy(), recorded[column].to_numpy()
        if b.dtype.kind == "f":
            np.testing.assert_allclose(a, b, **NEAR, err_msg=column)
        else:
            np.testing.assert_array_equal(a, b, err_msg=column)
