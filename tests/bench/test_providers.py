"""The peers compute what pyvae does, and a difference is noticed."""

import pytest
import torch

from pyvae.bench import keops
from pyvae.bench.agreement import disagreement
from pyvae.bench.cases import (
    DIRECTIONS,
    MOMENTS,
    REPARAMETERIZE,
    SAMPLE_WITH_KL,
    Case,
    full_cases,
    inputs,
    ops,
    quick_cases,
)
from pyvae.bench.providers import COMPILED, COPY, KEOPS, available, evaluation


def small_cases() -> list[Case]:
    return [Case(op, 48, 7, direction) for op in [*ops(), MOMENTS] for direction in DIRECTIONS]


@pytest.mark.parametrize("case", small_cases(), ids=str)
def test_providers_agree(case: Case) -> None:
    names = [name for name in available(case) if name not in (COPY, COMPILED, KEOPS)]
    ours, *others = (evaluation(name, case)() for name in names)
    assert others and not [problem for theirs in others if (problem := disagreement(case, ours, theirs))]


@pytest.mark.skipif(not keops.is_installed(), reason="pykeops is not installed")
def test_pykeops_agrees() -> None:
    case = Case("minibatch_log_density", 48, 7, "forward")
    assert disagreement(case, evaluation("pyvae", case)(), evaluation(KEOPS, case)()) is None


@pytest.mark.parametrize("case", small_cases(), ids=str)
def test_any_wrong_number_is_a_disagreement(case: Case) -> None:
    ours = evaluation("pyvae", case)()
    random = {REPARAMETERIZE: [0, 2], SAMPLE_WITH_KL: [0, 3], MOMENTS: [0, 2]}.get(case.op, [])
    for place, output in enumerate(ours):
        changed = [*ours[:place], output * 1.01 + 0.01, *ours[place + 1 :]]
        assert place in random or disagreement(case, ours, tuple(changed)), place
    assert disagreement(case, ours, (*ours, ours[0]))


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_noise_of_wrong_moments_is_a_disagreement(noise: float) -> None:
    case = Case("reparameterize", 512, 16, "forward")
    mu, logvar = inputs(case)
    z = mu + torch.exp(0.5 * logvar) * (noise + noise * torch.randn(mu.shape))
    problem = disagreement(case, evaluation("pyvae", case)(), (z,))
    assert problem is not None and problem.startswith("draws noise of mean")


def test_a_copy_reads_as_many_bytes_as_the_op() -> None:
    case = Case("gaussian_kl", 32, 5, "forward")
    (copied,) = evaluation(COPY, case)()
    assert copied.numel() == sum(tensor.numel() for tensor in inputs(case))


def test_every_provider_gets_the_same_inputs() -> None:
    case = small_cases()[0]
    assert all(torch.equal(a, b) for a, b in zip(inputs(case), inputs(case), strict=True))


def test_the_rows_that_are_promised_are_measured() -> None:
    full = {str(case) for op in ops() for case in full_cases(op)}
    sizes = ["4096x10", "1024x10", "1024x64", "65536x10", "64x10", "256x10"]
    assert full >= {f"minibatch_log_density {size} forward + backward" for size in sizes}
    assert full >= {"reparameterize 2048x128 forward + backward", "gaussian_kl 65536x128 forward"}
    assert {str(case) for case in quick_cases()} <= full
