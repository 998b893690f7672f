"""The machine's ceilings and what they are compared with."""

import pytest
import torch

import pyvae
from pyvae.bench.cases import Case
from pyvae.bench.ceilings import copy_bytes_per_second
from pyvae.bench.work import bytes_moved, multiply_adds
from pyvae.ops.ceilings import multiply_adds_per_second
from tests.bench.fakes import CEILINGS


def test_multiply_adds_run_on_every_instruction_set(isa: str) -> None:
    assert multiply_adds_per_second(0.02) > 1e8


def test_wider_vectors_do_more() -> None:
    try:
        rates = {}
        for name in ("baseline", "avx512"):
            pyvae.set_cpu_isa(name)
            rates[pyvae.cpu_isa()] = multiply_adds_per_second(0.1)
    finally:
        pyvae.set_cpu_isa("avx512")
    if len(rates) == 1:
        pytest.skip("this processor has one instruction set")
    assert max(rates, key=lambda name: rates[name]) != "baseline"


def test_the_count_is_exact() -> None:
    one = torch.ops.pyvae.multiply_add(1, 1)
    assert one > 0 and torch.ops.pyvae.multiply_add(7, 3) == 21 * one


def test_the_rate_refuses_no_time() -> None:
    with pytest.raises(ValueError, match=r"seconds must be greater than 0, got 0\."):
        multiply_adds_per_second(0.0)


def test_a_copy_is_faster_than_a_megabyte_a_second() -> None:
    assert copy_bytes_per_second(2**20, rounds=2) > 1e6


def test_work_is_counted_by_terms_and_by_bytes() -> None:
    assert multiply_adds(Case("minibatch_log_density", 8, 3, "forward")) == 8 * 8 * 3 * 9
    assert multiply_adds(Case("minibatch_log_density", 8, 3, "forward + backward")) == 8 * 8 * 3 * 24
    assert bytes_moved(Case("gaussian_kl", 8, 3, "forward")) == 4 * (2 * 24 + 8)
    assert bytes_moved(Case("gaussian_kl", 8, 3, "forward + backward")) == 4 * (6 * 24 + 2 * 8)
    assert bytes_moved(Case("reparameterize_moments", 8, 3, "forward")) == 2 * 3 * 24 + 4 * 8
    assert bytes_moved(Case("reparameterize", 8, 3, "forward + backward")) == 4 * 6 * 24
    ceiling, share = CEILINGS.share(Case("reparameterize", 8, 3, "forward"), 288 / 1e10)
    assert ceiling == "copy" and share == pytest.approx(1.0)
