"""torch.utils.flop_counter.FlopCounterMode counts the densities."""

import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import pyvae
from tests.ops.posteriors import posteriors

METHODS = ["exact", "gridded"]


def counted(queries: int, columns: int, latents: int, method: str, *, batch: tuple[int, ...] = ()) -> tuple[int, int]:
    """Of a forward, and of its backward."""
    z, mu, logvar = (torch.randn(*batch, n, latents, requires_grad=True) for n in (queries, columns, columns))
    with FlopCounterMode(display=False) as forward:
        joint, marginals = pyvae.minibatch_log_density(z, mu, logvar, estimator="full", method=method)
    with FlopCounterMode(display=False) as backward:
        (joint.sum() + marginals.sum()).backward()
    return forward.get_total_flops(), backward.get_total_flops()


def test_an_exact_density_takes_seven_a_term_and_two_a_pair() -> None:
    assert counted(20, 30, 5, "exact") == (20 * 30 * (7 * 5 + 2), 20 * 30 * (17 * 5 + 2))


@pytest.mark.parametrize("method", METHODS)
def test_stacked_models_count_each(method: str) -> None:
    alone = counted(20, 30, 5, method)
    assert counted(20, 30, 5, method, batch=(2, 3)) == tuple(6 * n for n in alone)


def test_grids_are_linear_and_the_joint_stays() -> None:
    """A joint alone is 4 a term and 2 a pair; what is left grows by the rows."""
    left = [counted(n, n, 8, "gridded")[0] - n * n * (4 * 8 + 2) for n in (1000, 2000)]
    assert 2 * left[0] == left[1] > 0
    assert counted(4000, 4000, 8, "gridded")[0] < counted(4000, 4000, 8, "exact")[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_training_step_counts_both_directions(method: str) -> None:
    z, mu, logvar = (t.requires_grad_() for t in posteriors((), 40, 3))
    with FlopCounterMode(display=False) as counter:
        sum(pyvae.kl_decomposition(z, mu, logvar, dataset_size=99, method=method)).sum().backward()  # type: ignore[attr-defined]
    names = {op._qualified_op_name for op in counter.flop_counts["Global"]}
    if method == "exact":
        assert names == {"pyvae::minibatch_log_density", "pyvae::minibatch_log_density_backward"}
    else:
        assert len(names) == 4 and all(count > 0 for count in counter.flop_counts["Global"].values())


def test_importing_the_package_warns_of_nothing() -> None:
    """torch's module says that triton is missing where it is imported; the ops have no use for it."""
    ran = subprocess.run([sys.executable, "-c", "import pyvae"], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
