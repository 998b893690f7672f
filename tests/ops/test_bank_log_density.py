"""The density under a bank's rows against plain torch: values, gradients, which rows are in use, transforms."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pyvae.ops import bank_parts, reference
from pyvae.ops.bank_log_density import bank_log_density

N, D = 60, 3
Case = tuple[Tensor, ...]


def a_case(
    items: int, share: float, *, seed: int = 0, dtype: torch.dtype = torch.float64, twice: bool = False, size: int = N
) -> Case:
    """z, mu, logvar [M, D], bank_mu, bank_logvar [N, D], index [M], in_use [N]; a data point that comes twice has two
    posteriors, as of augmented images.
    """
    g = torch.Generator().manual_seed(seed)
    bank = [torch.randn(size, D, generator=g, dtype=dtype), torch.randn(size, D, generator=g, dtype=dtype) - 2]
    index = torch.randperm(size, generator=g)[:items]
    if twice:
        index = torch.cat([index[: items - items // 2], index[: items // 2]])
    mu, logvar = (torch.randn(items, D, generator=g, dtype=dtype) for _ in range(2))
    logvar = logvar - 2
    z = mu + torch.exp(0.5 * logvar) * torch.randn(items, D, generator=g, dtype=dtype)
    return z, mu, logvar, *bank, index, torch.rand(size, generator=g) < share


def stored_of(case: Case) -> Case:
    """The same with the minibatch's rows in the bank, of a data point the last, and every row in use."""
    z, mu, logvar, *bank, index, in_use = case
    for row, number in enumerate(index.tolist()):
        place = torch.tensor([number])
        bank = [old.index_copy(0, place, new[row, None]) for old, new in zip(bank, (mu, logvar), strict=True)]
    return z, mu, logvar, *bank, index, in_use | True


def of(*case: Tensor, **how: Any) -> Any:
    return bank_log_density(*case, **{"stored": False, "method": "exact", "rtol": 1e-5, **how})


def with_gradients(density: Callable[..., Any], case: Case, **how: Any) -> list[Tensor]:
    """Values, and gradients of sums weighted at random: of z, mu and logvar."""
    leaves = [t.clone().requires_grad_() for t in case[:3]]
    joint, marginals = density(*leaves, *case[3:], **how)
    g = torch.Generator().manual_seed(1)
    weights = (torch.randn(t.shape, generator=g, dtype=torch.float64).to(t) for t in (joint, marginals))
    loss = sum((w * t).sum() for w, t in zip(weights, (joint, marginals), strict=True))
    return [joint, marginals, *torch.autograd.grad(loss, leaves, materialize_grads=True)]


def assert_matches(case: Case, **how: Any) -> None:
    for got, want in zip(
        with_gradients(of, case, **how), with_gradients(reference.bank_log_density, case), strict=True
    ):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("items", [1, 2, 7, 33])
def test_matches_reference(items: int, share: float, twice: bool) -> None:
    assert_matches(a_case(items, share, twice=twice))


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("items", [1, 8])
def test_matches_reference_where_all_rows_are_in_the_bank(items: int, twice: bool) -> None:
    assert_matches(stored_of(a_case(items, 1.0, twice=twice)), stored=True)


@pytest.mark.parametrize("numbers", [[5, 5, 5, 5], [5, 9, 5, 5, 5], [5, 9, 9, 5, 5, 3]])
def test_a_data_point_that_comes_often_is_met_once(numbers: list[int]) -> None:
    z, mu, logvar, *bank, _, in_use = a_case(len(numbers), 0.3)
    assert_matches((z, mu, logvar, *bank, torch.tensor(numbers), in_use))


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_samples_of_other_data_meet_every_row_alike(share: float) -> None:
    z, mu, logvar, *bank, index, in_use = a_case(9, share)
    assert_matches((z, mu, logvar, *bank, index[:0], in_use))


@pytest.mark.parametrize("size", [1, 2])
def test_the_smallest_data_sets(size: int) -> None:
    for items in range(1, size + 1):
        assert_matches(a_case(items, 0.0, size=size))
        assert_matches(stored_of(a_case(items, 1.0, size=size)), stored=True)


def test_one_row_in_use_is_the_samples_own_posterior() -> None:
    z, mu, logvar, *rest = a_case(1, 0.0)
    joint, _ = of(z, mu, logvar, *rest)
    torch.testing.assert_close(joint, reference.log_normal(z, mu, logvar).sum(-1))


@pytest.mark.parametrize("stored", [True, False])
def test_parts_of_the_bank_add_up(stored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_parts, "_NUMBERS_AT_ONCE", 7 * D)
    case = a_case(8, 0.8)
    assert_matches(stored_of(case) if stored else case, stored=stored)


def test_a_part_without_density_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows so far away that their density is 0 in float32, and with it their whole part."""
    z, mu, logvar, bank_mu, bank_logvar, index, in_use = stored_of(a_case(8, 1.0, dtype=torch.float32))
    want = with_gradients(of, (z, mu, logvar, bank_mu, bank_logvar, index, in_use))
    far = torch.full((N, D), 1e25)
    both = torch.cat([bank_mu, far]), torch.cat([bank_logvar, torch.zeros(N, D)]), index, torch.cat([in_use, in_use])
    monkeypatch.setattr(bank_parts, "_NUMBERS_AT_ONCE", N * D)
    got = with_gradients(of, (z, mu, logvar, *both), stored=True)
    assert all(bool(t.isfinite().all()) for t in got)
    for a, b in zip(got[2:], want[2:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_few_rows_of_many_keep_their_digits() -> None:
    """A sample's own row against others that weigh a hundred thousand times as much each: no difference of sums."""
    case = a_case(32, 0.0, size=200_000)
    single = tuple(t.float() if t.is_floating_point() else t for t in case)
    for got, want in zip(of(*single), of(*case), strict=True):
        torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5)


def test_grids_serve_and_keep_to_their_error() -> None:
    case = stored_of(a_case(64, 1.0, size=5000, dtype=torch.float32))
    got, want = of(*case, stored=True, method="gridded"), of(*case, stored=True, method="exact")
    torch.testing.assert_close(got.marginals, want.marginals, rtol=0, atol=3e-5)
    torch.testing.assert_close(got.joint, want.joint, rtol=1e-6, atol=1e-5)


def test_half_stored_rows_are_taken_as_they_are() -> None:
    z, mu, logvar, bank_mu, bank_logvar, index, in_use = a_case(8, 0.7, dtype=torch.float32)
    half = bank_mu.bfloat16(), bank_logvar.bfloat16()
    got = of(z, mu, logvar, *half, index, in_use)
    want = of(z, mu, logvar, *(t.float() for t in half), index, in_use)
    assert got.joint.dtype == torch.float32 and torch.equal(got.joint, want.joint)


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_stacked_calls_are_each_by_itself(share: float) -> None:
    cases = [a_case(6, share, seed=seed) for seed in range(4)]
    cases = [stored_of(case) if share == 1 else case for case in cases]
    stacked = tuple(torch.stack(tensors).unflatten(0, (2, 2)) for tensors in zip(*cases, strict=True))
    got = of(*stacked, stored=share == 1)
    for k, case in enumerate(cases):
        want = of(*case, stored=share == 1)
        torch.testing.assert_close(got.joint[k // 2, k % 2], want.joint)
        torch.testing.assert_close(got.marginals[k // 2, k % 2], want.marginals)


def test_vmap_with_gradients_is_a_loop() -> None:
    cases = [a_case(6, 0.5, seed=seed) for seed in range(3)]

    def gradient(*case: Tensor) -> tuple[Tensor, ...]:
        def loss(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
            joint, marginals = of(z, mu, logvar, *case[3:])
            return (joint - 0.5 * marginals.sum(-1)).sum()

        return torch.func.grad(loss, (0, 1, 2))(*case[:3])

    stacked = [torch.stack(tensors) for tensors in zip(*cases, strict=True)]
    got = torch.func.vmap(gradient)(*stacked)
    for k, case in enumerate(cases):
        for a, b in zip(got, gradient(*case), strict=True):
            torch.testing.assert_close(a[k], b)


def test_compiles_in_one_graph() -> None:
    case = a_case(6, 0.5, dtype=torch.float32)
    compiled = torch.compile(of, fullgraph=True, backend="aot_eager")
    for got, want in zip(with_gradients(compiled, case), with_gradients(of, case), strict=True):
        torch.testing.assert_close(got, want)


def test_opcheck() -> None:
    case = a_case(5, 0.5, dtype=torch.float32)
    leaves = [t.clone().requires_grad_() for t in case[:3]]
    op = torch.ops.pyvae.bank_log_density.default
    torch.library.opcheck(op, (*leaves, *case[3:], False, "exact", 1e-5, True))


def test_nothing_of_the_bank_is_kept_for_the_backward() -> None:
    case = stored_of(a_case(6, 1.0))
    want = with_gradients(of, case, stored=True)
    leaves = [t.clone().requires_grad_() for t in case[:3]]
    joint, marginals = of(*leaves, *case[3:], stored=True)
    case[3].zero_(), case[4].zero_()
    g = torch.Generator().manual_seed(1)
    weights = [torch.randn(t.shape, generator=g, dtype=torch.float64) for t in (joint, marginals)]
    loss = (weights[0] * joint).sum() + (weights[1] * marginals).sum()
    for got, expected in zip(torch.autograd.grad(loss, leaves), want[2:], strict=True):
        torch.testing.assert_close(got, expected)


def test_a_second_derivative_is_refused() -> None:
    z, *rest = a_case(5, 0.5)
    z.requires_grad_()
    (gradient,) = torch.autograd.grad(of(z, *rest).joint.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="PosteriorBank has no second derivative"):
        torch.autograd.grad(gradient.sum(), z)


def test_no_scores_are_made_where_nobody_asks() -> None:
    case = a_case(5, 0.5)
    with torch.no_grad():
        outputs = torch.ops.pyvae.bank_log_density(*case, False, "exact", 1e-5, False)
    assert outputs[3].numel() == outputs[4].numel() == 0


def test_a_sample_far_from_all_leaves_gradients_finite() -> None:
    z, *rest = a_case(3, 0.5, dtype=torch.float32)
    z = torch.cat([torch.full((1, D), 1e25), z[1:]])
    joint, _, *gradients = with_gradients(of, (z, *rest))
    assert joint[0] == -math.inf and all(bool(g.isfinite().all()) for g in gradients)


def test_what_is_no_row_is_refused_wherever_it_is_known() -> None:
    z, mu, logvar, *bank, index, in_use = a_case(3, 0.5)
    compiled = torch.compile(of, fullgraph=True, backend="aot_eager")
    for call in (of, compiled):
        for wrong in (-1, N):
            with pytest.raises(ValueError, match=f"index must be from 0 to {N - 1}, the bank's rows"):
                call(z, mu, logvar, *bank, torch.tensor([0, wrong, 2]), in_use)
        with pytest.raises(ValueError, match="index must be given to a bank that has no rows in use"):
            call(z, mu, logvar, *bank, index[:0], in_use & False)


def test_an_empty_minibatch_has_no_densities() -> None:
    z, mu, logvar, *bank, index, in_use = a_case(4, 0.5)
    density = of(z[:0], mu[:0], logvar[:0], *bank, index[:0], in_use)
    assert density.joint.shape == (0,) and density.marginals.shape == (0, D)
