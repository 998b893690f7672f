"""The gridded marginals against float64: a search for inputs that break the contract, and regimes by name.

Which of them come from grids: gridded_marginals/test_tiers.py. Autograd and registration: gridded_marginals/.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.instruction_sets import CUDA, DEVICES, INSTRUCTION_SETS
from tests.ops.mixtures import MEANS, QUERIES, REGIMES, STRAYS, Mixture, Recipe, assert_contract
from tests.selection import figure

# Pairs times latents of one case: the reference's [Q, M, D] tensors in float64 are what takes the time.
WORK = 5_000_000


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    # As in test_accuracy.py: a second thread has little to do, and on a busy machine is waited for.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- Regimes by name --------------------------------------------------------------------------------------------------

# Posteriors: less than a level needs, just enough, and as many as make the grids worth it.
SIZES = [(m, estimator) for m in (31, 32, 33, 34, 100) for estimator in ("full", "mss", "balanced")] + [(2048, "mss")]


@pytest.mark.parametrize(("m", "estimator"), SIZES)
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("device", DEVICES)
def test_named_regimes(device: str, regime: str, m: int, estimator: str) -> None:
    size = None if estimator == "full" else 737_280
    case = Mixture(*REGIMES[regime](m, 1 if m > 1000 else 2), size, estimator)
    errors = assert_contract(case, *([CUDA] if device == CUDA else INSTRUCTION_SETS))
    # Where all posteriors are one, the error of the trapezoidal rule is the same for all and nothing averages it out.
    assert errors.mean() <= (case.rtol / 2 if regime == "all mass on one point" else 1e-6)


# --- Random regimes ---------------------------------------------------------------------------------------------------

RECIPES = st.builds(
    Recipe,
    means=st.sampled_from(list(MEANS)),
    scale=st.integers(-3, 3).map(lambda exponent: 10.0**exponent),
    shift=st.sampled_from([0.0, 1.0, -30.0, 1e4]),
    log_sigma=st.integers(-100, 20).map(lambda tenths: tenths / 10),
    spread=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    strays=st.sampled_from(list(STRAYS)),
    queries=st.sampled_from(list(QUERIES)),
    seed=st.integers(0, 2**31),
)


@dataclass(frozen=True)
class Frame:
    """Everything but the values: shapes, weights, tolerance."""

    estimator: str
    leading: tuple[int, ...]
    log2_queries: float  # of "full"; the others have as many as posteriors
    log2_columns: float
    latents: int
    more: int  # N - M
    rtol: float

    def mixture(self, recipe: Recipe) -> Mixture:
        most = math.isqrt(WORK // (self.latents * math.prod(self.leading)))
        m = min(int(2**self.log2_columns), most)
        full = self.estimator == "full"
        values = recipe.draw(self.leading, int(2**self.log2_queries) if full else m, m, self.latents)
        return Mixture(*values, None if full else m + self.more, self.estimator, self.rtol)


FRAMES = st.builds(
    Frame,
    estimator=st.sampled_from(["full", "full", "mws", "mss", "balanced"]),
    leading=st.sampled_from([(), (), (2,), (1, 2)]),
    log2_queries=st.floats(0, 9),
    log2_columns=st.floats(0, 11),
    latents=st.integers(1, 3),
    more=st.sampled_from([0, 1, 1000, 10**6, 2**40]),
    rtol=st.sampled_from([1e-5, 1e-6, 1e-4]),
)


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=figure("test_no_input_breaks_the_contract"))  # up to 2 048 posteriors each
@given(frame=FRAMES, recipe=RECIPES, isa=st.sampled_from(INSTRUCTION_SETS))
def test_no_input_breaks_the_contract(device: str, frame: Frame, recipe: Recipe, isa: str) -> None:
    assert_contract(frame.mixture(recipe), CUDA if device == CUDA else isa)
