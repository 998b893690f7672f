"""Peak memory of a provider in a process of its own."""

import pytest

from pyvae.bench import memory
from tests.bench.fakes import case

pytestmark = pytest.mark.skipif(not memory.supported(), reason="this system has no /proc/self/status")

MEBIBYTE = 2**20


def test_the_peak_is_what_the_tensor_of_pairs_takes() -> None:
    pairs = 4 * 1024 * 1024 * 10
    eager = memory.peak_bytes(case(1024, direction="forward"), "eager", 2, 10**10)
    assert 1.9 * pairs <= eager <= 6 * pairs
    assert memory.peak_bytes(case(1024, direction="forward"), "pyvae", 2, 10**10) < pairs / 10


def test_needing_more_than_the_limit_is_said() -> None:
    with pytest.raises(memory.ProbeError, match=r"needs more than 0\.1 GB"):
        memory.peak_bytes(case(2048), "eager", 1, 10**8)


def test_a_process_that_fails_is_an_error_not_a_wait() -> None:
    with pytest.raises(memory.ProbeError, match=r"failed with AttributeError: .*no_such_op"):
        memory.peak_bytes(case(16, op="no_such_op"), "eager", 1, 10**9)
