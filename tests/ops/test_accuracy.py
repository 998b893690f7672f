"""The accuracy contract on random regimes, values and gradients, on every instruction set.

How many cases of each op: tests/layers.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import pyvae
from tests.instruction_sets import CUDA, DEVICES, INSTRUCTION_SETS
from tests.ops.catalogue import USES, Function, Op
from tests.ops.contract import assert_gradients, assert_values, cotangents_for
from tests.selection import figure


@dataclass(frozen=True)
class Regime:
    """Posteriors that a training run may pass through."""

    log_sigma: float  # middle of the standard deviations
    decades: float  # their spread, as a deviation of log sigma^2
    shift: float  # of all means and samples
    collapsed: bool  # half of the latents are the prior
    spread: float  # of the means


REGIMES = st.builds(
    Regime,
    log_sigma=st.integers(-70, 30).map(lambda tenths: tenths / 10),
    decades=st.sampled_from([0.0, 0.3, 1.0, 3.0]),
    shift=st.sampled_from([0.0, 1.0, -30.0, 100.0]),
    collapsed=st.booleans(),
    spread=st.sampled_from([0.0, 0.1, 1.0, 10.0]),
)

DTYPES = st.sampled_from([torch.float32, torch.float32, torch.float32, torch.float64])

# Pairs times latents of one case: the reference's [Q, M, D] tensors in float64 are what takes the time.
WORK = st.sampled_from([500, 4_000, 40_000])

# The uses of one op share its cases.
FAMILIES: dict[str, list[Op]] = {}
for _op in USES:
    FAMILIES.setdefault(_op.name.split("-")[0], []).append(_op)


def draw(op: Op, regime: Regime, m: int, d: int, dtype: torch.dtype, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal() -> Tensor:
        return torch.randn(m, d, generator=generator, dtype=torch.float64)

    values = {}
    for prior in ("", "prior_"):
        values[f"{prior}mu"] = regime.spread * normal() + regime.shift
        values[f"{prior}logvar"] = 2 * regime.log_sigma + regime.decades * normal()
    if regime.collapsed:
        values["mu"][:, ::2], values["logvar"][:, ::2] = 1e-3 * normal()[:, ::2], 1e-3 * normal()[:, ::2]
    values["z"] = values["mu"] + torch.exp(0.5 * values["logvar"]) * normal()
    return [values[name].to(dtype) for name in op.arguments]


def values_and_gradients(function: object, inputs: list[Tensor], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    leaves = [t.detach().clone().requires_grad_() for t in inputs]
    outputs = function(*leaves)
    gradients = torch.autograd.grad(outputs, leaves, cotangents_for(outputs, seed))
    return [o.detach() for o in outputs], list(gradients)


def worst_of_orders(plain: Function, inputs: list[Tensor], values: list[Tensor], exact: list[Tensor]) -> list[Tensor]:
    """Plain torch's values, those summed over latents in whichever of four orders of the latents errs most.

    Large terms that cancel leave a rounding error of their own size. Plain torch has it too, but in one sum it may
    happen to be nothing, which no other order of the same sum could keep to.
    """
    for seed in range(3):
        order = torch.randperm(inputs[0].shape[-1], generator=torch.Generator().manual_seed(seed))
        others = plain(*(t[:, order] for t in inputs))
        values = [
            other if other.dim() == 1 and (other - want).abs().max() > (value - want).abs().max() else value
            for other, value, want in zip(others, values, exact, strict=True)
        ]
    return values


def values_on(isa: str, op: Op, inputs: list[Tensor], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """The op's values and gradients, made on an instruction set or on the GPU."""
    if isa == CUDA:
        sides = values_and_gradients(op.function, [t.to(CUDA) for t in inputs], seed)
        return tuple([t.cpu() for t in side] for side in sides)
    pyvae.set_cpu_isa(isa)
    try:
        return values_and_gradients(op.function, inputs, seed)
    finally:
        pyvae.set_cpu_isa("avx512")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    # Tensors this small gain nothing from a second thread, and on a busy machine lose a time slice waiting for it.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=figure("test_contract"))
@given(data=st.data())
def test_contract(device: str, family: str, data: st.DataObject) -> None:
    op = data.draw(st.sampled_from(FAMILIES[family]), label="op")
    regime, d, seed = data.draw(REGIMES), data.draw(st.integers(1, 64), label="D"), data.draw(st.integers(0, 2**31))
    m = min(data.draw(st.integers(1, 100), label="M"), max(math.isqrt(data.draw(WORK) // d), 1))
    isa = CUDA if device == CUDA else data.draw(st.sampled_from(INSTRUCTION_SETS))
    dtype = data.draw(DTYPES.filter(op.dtypes.__contains__))
    inputs = draw(op, regime, m, d, dtype, seed)
    plain = op.plain(*inputs)
    got, got_gradients = values_on(isa, op, inputs, seed)
    rough, rough_gradients = values_and_gradients(plain, inputs, seed)
    exact, exact_gradients = values_and_gradients(plain, [t.double() for t in inputs], seed)
    rough = worst_of_orders(plain, inputs, rough, exact)
    for *triple, value_terms in zip(got, rough, exact, op.value_terms(*inputs), strict=False):
        assert_values(*triple, op.rtol, value_terms)
    terms = op.terms(cotangents_for(exact, seed), *inputs)
    assert_gradients(got_gradients, rough_gradients, exact_gradients, op.rtol, terms)
