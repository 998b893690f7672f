"""The CUDA kernels' logic without a GPU: cuda_on_host/ loops over their threads and compares with the CPU."""

from pathlib import Path

import pytest

from tests.instruction_sets import INSTRUCTION_SETS
from tests.kernels.programs import build, run_together
from tests.ops.stems import CUDA_OPS


def sanitized() -> Path:
    """With sanitizers in place of compute-sanitizer, which needs a GPU, where the compiler has their libraries."""
    try:
        return build("run_cuda_on_host", "address")
    except pytest.skip.Exception:
        return build("run_cuda_on_host")


def test_cuda_kernels_on_host_agree_with_cpu_kernels() -> None:
    on_host = sanitized()
    run_together([on_host, op] for op in CUDA_OPS)


def test_every_op_with_cuda_kernels_has_a_check() -> None:
    assert run_together([[sanitized()]]).split() == CUDA_OPS


@pytest.mark.skipif("avx2" not in INSTRUCTION_SETS, reason="only AVX2's kernels round as a GPU does")
def test_the_same_with_products_and_sums_fused() -> None:
    """A GPU rounds a * b + c once. That tears a difference of two squares apart which is 0 elsewhere."""
    fused = build("run_cuda_on_host_fused")
    run_together([fused, op] for op in CUDA_OPS)
