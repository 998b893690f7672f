"""The CUDA kernels' logic without a GPU: cuda_on_host/ loops over their threads and compares with the CPU."""

from pathlib import Path

import pytest

from tests.instruction_sets import INSTRUCTION_SETS
from tests.kernels.programs import build, run_together

# What runs side by side, of about equal length.
OPS = [
    ["minibatch_log_density"],
    ["joint_log_density", "gridded_marginals", "gaussian_kl", "reparameterize", "reparameterize_with_kl"],
]


def sanitized() -> Path:
    """With sanitizers in place of compute-sanitizer, which needs a GPU, where the compiler has their libraries."""
    try:
        return build("run_cuda_on_host", "address")
    except pytest.skip.Exception:
        return build("run_cuda_on_host")


def test_cuda_kernels_on_host_agree_with_cpu_kernels() -> None:
    on_host = sanitized()
    run_together([on_host, *ops] for ops in OPS)


@pytest.mark.skipif("avx2" not in INSTRUCTION_SETS, reason="only AVX2's kernels round as a GPU does")
def test_the_same_with_products_and_sums_fused() -> None:
    """A GPU rounds a * b + c once. That tears a difference of two squares apart which is 0 elsewhere."""
    fused = build("run_cuda_on_host_fused")
    run_together([fused, *ops] for ops in OPS)
