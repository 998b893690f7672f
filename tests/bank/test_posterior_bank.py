"""The bank as users meet it: what it keeps, for how long, which densities it gives, and what it refuses."""

import copy
import io
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.two_processes import in_two_processes

N, D, M = 40, 3, 8


def posteriors(items: int = N, *, seed: int = 0, leading: tuple[int, ...] = ()) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*leading, items, D, generator=g), torch.randn(*leading, items, D, generator=g) - 2


def samples_of(mu: Tensor, logvar: Tensor) -> Tensor:
    return pyvae.reparameterize(mu, logvar, seed=5)


def filled_bank(**settings: Any) -> pyvae.PosteriorBank:
    """With the posteriors of `posteriors()`, eight data points an update, in order."""
    bank = pyvae.PosteriorBank(N, D, **settings)
    for index in torch.arange(N).split(M):
        bank.update(index, *(t[index] for t in posteriors()))
    return bank


# --- What it keeps ----------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_data_points() -> None:
    bank = filled_bank()
    mu, logvar = posteriors()
    assert torch.equal(bank.mu, mu) and torch.equal(bank.logvar, logvar) and bool(bank.filled.all())
    assert bank.age.tolist() == [k for k in (4, 3, 2, 1, 0) for _ in range(M)]


def test_rows_not_seen_yet_are_not_filled() -> None:
    bank = pyvae.PosteriorBank(N, D)
    bank.update(torch.tensor([3, 7]), *posteriors(2))
    assert bank.filled.nonzero().flatten().tolist() == [3, 7] and bank.age[0] == -1 and bank.age[3] == 0
    assert torch.equal(bank.in_use, bank.filled)


def test_rows_are_detached() -> None:
    mu, logvar = (t.requires_grad_() for t in posteriors(2))
    bank = pyvae.PosteriorBank(N, D)
    bank.log_density(mu, mu, logvar, torch.tensor([0, 1]))
    assert not bank.mu.requires_grad and bank.mu.grad_fn is None


def test_of_a_data_point_that_comes_twice_the_last_row_is_kept() -> None:
    bank = pyvae.PosteriorBank(N, D)
    mu, logvar = posteriors(4)
    bank.update(torch.tensor([5, 9, 5, 5]), mu, logvar)
    assert torch.equal(bank.mu[5], mu[3]) and torch.equal(bank.mu[9], mu[1]) and int(bank.filled.sum()) == 2


@pytest.mark.parametrize(
    ("what", "value"), [("mu", torch.nan), ("mu", torch.inf), ("logvar", -200.0), ("logvar", 180.0)]
)
def test_rows_without_a_density_stay_out_until_they_are_seen_again(what: str, value: float) -> None:
    bank = filled_bank()
    mu, logvar = posteriors(M, seed=1)
    {"mu": mu, "logvar": logvar}[what][2, 1] = value
    bank.update(torch.arange(M), mu, logvar)
    assert bank.in_use.logical_not().nonzero().flatten().tolist() == [2] and bool(bank.mu.isfinite().all())
    later = torch.arange(M, 2 * M)
    z, mu, logvar = (t[later] for t in (samples_of(*posteriors()), *posteriors()))
    z.requires_grad_()
    density = bank.log_density(z, mu, logvar, later)
    assert bool(density.joint.isfinite().all())
    assert bool(torch.autograd.grad(density.joint.sum() + density.marginals.sum(), z)[0].isfinite().all())
    bank.update(torch.tensor([2]), *posteriors(1))
    assert bool(bank.in_use.all())


def test_state_is_saved_moved_and_copied() -> None:
    bank, other = filled_bank(max_lag=3), pyvae.PosteriorBank(N, D, max_lag=3)
    file = io.BytesIO()
    torch.save(bank.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for same in (other, copy.deepcopy(bank), bank.to("cpu")):
        assert torch.equal(same.in_use, bank.in_use) and torch.equal(same.mu, bank.mu)
    assert sorted(bank.state_dict()) == ["logvar", "mu", "seen", "updates"]


@pytest.mark.parametrize(("rows", "used"), [(1, 8), (8, 8), (13, 8), (39, 32), (40, 40), (100, 40)])
def test_only_the_rows_of_the_last_whole_updates_are_in_use(rows: int, used: int) -> None:
    """A part of an update would be its first data points by number, such as those of the first classes."""
    use = filled_bank(rows=rows).in_use
    assert int(use.sum()) == used and bool(use[N - used :].all())


@pytest.mark.parametrize("max_lag", [0, 2, 10])
def test_rows_older_than_the_lag_are_not_in_use(max_lag: int) -> None:
    use = filled_bank(max_lag=max_lag).in_use
    assert int(use.sum()) == min(N, (max_lag + 1) * M) and bool(use[-M:].all())


def test_half_types_take_half_of_the_memory() -> None:
    bank = filled_bank(dtype=torch.bfloat16)
    assert bank.mu.dtype == bank.logvar.dtype == torch.bfloat16
    torch.testing.assert_close(bank.mu.float(), posteriors()[0], rtol=2**-8, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_samples_own_row_is_not_rounded(dtype: torch.dtype) -> None:
    """Of a narrow posterior rounding would move it by a part of its width."""
    bank, index = filled_bank(dtype=dtype), torch.arange(M)
    mu, logvar = posteriors()[0][index], torch.full((M, D), -12.0)
    density = bank.log_density(mu, mu, logvar, index)
    own = reference.log_normal(mu, mu, logvar).sum(-1) - math.log(N)
    torch.testing.assert_close(density.joint, own, rtol=0, atol=1e-4)


# --- Its densities ----------------------------------------------------------------------------------------------------


def expected(bank: pyvae.PosteriorBank, z: Tensor, mu: Tensor, logvar: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    tensors = (z, mu, logvar, bank.mu, bank.logvar)
    return reference.bank_log_density(*(t.double() for t in tensors), index, bank.in_use)


@pytest.mark.parametrize("settings", [{}, {"rows": 20}, {"max_lag": 2}, {"rows": 20, "max_lag": 1}])
def test_densities_are_those_of_the_rows_in_use(settings: dict[str, int]) -> None:
    bank = filled_bank(**settings)
    index = torch.tensor([1, 39, 4, 20])
    mu, logvar = (t[index] for t in posteriors(seed=7))
    z = samples_of(mu, logvar)
    density = bank.log_density(z, mu, logvar, index)
    assert torch.equal(bank.mu[index], mu)
    for got, want in zip(density, expected(bank, z, mu, logvar, index), strict=True):
        torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5)


def test_a_filled_bank_is_the_aggregate_posterior() -> None:
    bank = filled_bank()
    mu, logvar = posteriors()
    z = samples_of(mu, logvar)
    whole = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    for index in torch.arange(N).split(M):
        density = bank.log_density(z[index], mu[index], logvar[index], index)
        torch.testing.assert_close(density.joint, whole.joint[index])
        torch.testing.assert_close(density.marginals, whole.marginals[index])


def test_the_last_short_minibatch_is_worth_what_any_other_is() -> None:
    bank = filled_bank()
    mu, logvar = posteriors()
    z = samples_of(mu, logvar)
    whole = pyvae.kl_decomposition(z, mu, logvar, estimator="full")
    index = torch.tensor([17])
    parts = bank.kl_decomposition(z[index], mu[index], logvar[index], index)
    for got, want in zip(parts, whole, strict=True):
        torch.testing.assert_close(got, want[index], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [32, 128])
@pytest.mark.parametrize("sigma", [0.15, 0.4])
def test_the_total_correlation_of_few_samples_is_that_of_the_data_set(sigma: float, rows: int) -> None:
    """Minibatches of 32 say by mss 3.1 nats too much here at a sigma of 0.15, and 0.6 too little at 0.4."""
    size, latents, g = 30_000, 8, torch.Generator().manual_seed(0)
    mu = torch.randn(size, latents, generator=g) @ (
        torch.eye(latents) + 0.3 * torch.randn(latents, latents, generator=g)
    )
    logvar = torch.full((size, latents), 2 * math.log(sigma))
    bank = pyvae.PosteriorBank(size, latents)
    bank.update(torch.arange(size), mu, logvar)
    exact = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(10_000, seed=1).total_correlation
    found = []
    for k in range(60):
        index = torch.randperm(size, generator=g)[:rows]
        z = pyvae.reparameterize(mu[index], logvar[index], seed=k)
        found.append(bank.kl_decomposition(z, mu[index], logvar[index], index).total_correlation.mean())
    values = torch.stack(found)
    error = torch.sqrt(values.var() / len(values) + exact.standard_error**2)
    assert abs(values.mean() - exact.value) < 0.05 + 3 * error


@pytest.mark.parametrize("filled", [True, False])
def test_two_views_of_one_data_point_are_each_their_own(filled: bool) -> None:
    """Narrow posteriors of an image and of its augmentation: each sample's own row is there, whichever is kept."""
    bank = filled_bank() if filled else pyvae.PosteriorBank(N, D)
    index = torch.tensor([5, 9, 5])
    mu, logvar = posteriors()[0][index], torch.full((3, D), 2 * math.log(0.03))
    mu[2] += 0.2
    want = expected(bank, mu, mu, logvar, index)
    parts, density = bank.kl_decomposition(mu, mu, logvar, index), bank.log_density(mu, mu, logvar, index)
    assert bool((parts.mutual_information <= math.log(N) + 1e-4).all())
    for got, exact in zip(density, want, strict=True):
        torch.testing.assert_close(got.double(), exact, rtol=1e-5, atol=1e-5)


def test_the_caller_may_say_whether_rows_are_stored() -> None:
    bank, index = filled_bank(), torch.arange(3)
    mu, logvar = (t[index] for t in posteriors(seed=7))
    before = bank.mu.clone()
    bank.log_density(mu, mu, logvar, index, store=False)
    assert torch.equal(bank.mu, before)
    bank.eval().kl_decomposition(mu, mu, logvar, index, store=True)
    assert torch.equal(bank.mu[:3], mu)


def test_in_evaluation_mode_nothing_changes() -> None:
    bank = filled_bank().eval()
    before = copy.deepcopy(bank.state_dict())
    index = torch.tensor([1, 39])
    mu, logvar = (t[index] for t in posteriors(seed=7))
    z = samples_of(mu, logvar)
    density = bank.log_density(z, mu, logvar, index)
    for got, want in zip(density, expected(bank, z, mu, logvar, index), strict=True):
        torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), bank.state_dict().values(), strict=True))


def test_samples_of_other_data_are_taken_in_evaluation_mode() -> None:
    bank = filled_bank().eval()
    mu, logvar = posteriors(5, seed=9)
    z = samples_of(mu, logvar)
    got = bank.log_density(z, mu, logvar)
    want = pyvae.minibatch_log_density(z, *posteriors(), estimator="full")
    torch.testing.assert_close(got.joint, want.joint)
    parts = bank.kl_decomposition(z, mu, logvar)
    torch.testing.assert_close(
        sum(parts), reference.log_normal(z, mu, logvar).sum(-1) - reference.log_normal(z, 0 * z, 0 * z).sum(-1)
    )


def test_stacked_models_have_rows_of_their_own() -> None:
    bank = pyvae.PosteriorBank(N, D, leading=(2,))
    singles = [pyvae.PosteriorBank(N, D) for _ in range(2)]
    for step in range(8):
        index = torch.stack([torch.randperm(N, generator=torch.Generator().manual_seed(step + k))[:M] for k in (0, 9)])
        mu, logvar = posteriors(M, seed=step, leading=(2,))
        z = samples_of(mu, logvar)
        got = bank.log_density(z, mu, logvar, index)
        for k, single in enumerate(singles):
            want = single.log_density(z[k], mu[k], logvar[k], index[k])
            torch.testing.assert_close(got.joint[k], want.joint)
            torch.testing.assert_close(got.marginals[k], want.marginals)
    assert torch.equal(bank.mu[1], singles[1].mu)


def test_an_index_may_serve_all_stacked_models() -> None:
    bank, index = pyvae.PosteriorBank(N, D, leading=(2,)), torch.arange(M, dtype=torch.int32)
    bank.update(index, *posteriors(M, leading=(2,)))
    assert int(bank.filled.sum()) == 2 * M


INPUTS, NOISE = posteriors()


def training_step(bank: pyvae.PosteriorBank, weight: Tensor, index: Tensor) -> Tensor:
    mu, logvar = (INPUTS[index] @ weight).chunk(2, -1)
    z = mu + torch.exp(0.5 * logvar) * NOISE[index]
    return bank.kl_decomposition(z, mu, logvar, index).total_correlation.mean()


def test_a_compiled_step_is_an_eager_one() -> None:
    weight = torch.randn(D, 2 * D, generator=torch.Generator().manual_seed(3)) / 3
    banks = [pyvae.PosteriorBank(N, D) for _ in range(2)]
    compiled = torch.compile(training_step, fullgraph=True, backend="aot_eager")
    for step in range(7):
        index = torch.randperm(N, generator=torch.Generator().manual_seed(step))[:M]
        results = []
        for bank, take in zip(banks, (training_step, compiled), strict=True):
            leaf = weight.clone().requires_grad_()
            loss = take(bank, leaf, index)
            results.append((loss.detach(), *torch.autograd.grad(loss, leaf)))
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(a, b)
    assert torch.equal(banks[0].seen, banks[1].seen) and torch.equal(banks[0].updates, banks[1].updates)


def test_vmap_over_stacked_banks_is_a_stacked_bank() -> None:
    index, (mu, logvar) = torch.arange(M), posteriors(M, leading=(3,))
    bank, stacked = pyvae.PosteriorBank(N, D), pyvae.PosteriorBank(N, D, leading=(3,))
    buffers = {name: t.expand(3, *t.shape).clone() for name, t in bank.named_buffers()}

    def density(state: dict[str, Tensor], mu: Tensor, logvar: Tensor) -> Tensor:
        return torch.func.functional_call(bank, state, (), {"z": mu, "mu": mu, "logvar": logvar, "index": index}).joint

    got = torch.func.vmap(density)(buffers, mu, logvar)
    torch.testing.assert_close(got, stacked.log_density(mu, mu, logvar, index).joint)
    assert torch.equal(buffers["mu"], stacked.mu) and torch.equal(buffers["seen"], stacked.seen)


# --- In two processes -------------------------------------------------------------------------------------------------


def both_processes_have_all_rows(rank: int) -> tuple[Tensor, Tensor, Tensor]:
    bank = pyvae.PosteriorBank(N, D)
    index = torch.arange(5) if rank == 0 else torch.tensor([5, 3])  # a last minibatch may be short, and be padded
    mu, logvar = (t[index] for t in posteriors())
    mu = mu + 0.3 * rank  # of an image that both have, in another augmentation
    density = bank.log_density(mu, mu, logvar, index)
    alone = pyvae.PosteriorBank(N, D, synchronised=False)
    alone.update(index, mu, logvar)
    assert int(alone.filled.sum()) == len(index)
    return bank.mu, bank.seen, density.joint


def test_every_processes_rows_reach_every_process() -> None:
    (mu, seen, first), (other_mu, other_seen, second) = in_two_processes(__name__, "both_processes_have_all_rows")
    assert torch.equal(mu, other_mu) and torch.equal(seen, other_seen)
    alone, index = pyvae.PosteriorBank(N, D), torch.tensor([0, 1, 2, 3, 4, 5, 3])
    means, logvar = (t[index] for t in posteriors())
    means[5:] += 0.3
    want = alone.log_density(means, means, logvar, index)
    assert torch.equal(alone.mu, mu)
    # Neither knows the other's row of image 3 but by the bank, which has the last.
    torch.testing.assert_close(first[3], want.joint[3])
    torch.testing.assert_close(second, want.joint[5:])
