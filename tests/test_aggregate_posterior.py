"""The aggregate posterior against float64 brute force, closed forms and itself by another route."""

import doctest
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pyvae
import pyvae.aggregate.posterior as aggregate_module
from pyvae.aggregate import AggregatePosterior, Estimate
from pyvae.aggregate.tables import Table, chunks_of, interleaved, members_by_value
from pyvae.ops import reference
from tests.ops.posteriors import posteriors

N, D = 1271, 5


def encoded(n: int = N, d: int = D, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Narrow latents and, last, a collapsed one."""
    _, mu, logvar = posteriors((), n, d, torch.float64)
    mu[:, -1] *= 0.01
    logvar[:, -1] *= 0.01
    return mu.to(dtype), logvar.to(dtype)


def brute_force(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    return reference.minibatch_log_density(z.double(), mu.double(), logvar.double(), estimator="full")


def assert_within(estimate: Estimate, truth: Tensor | float, errors: float = 4.5) -> None:
    difference = (estimate.value - torch.as_tensor(truth, dtype=torch.float64)).abs()
    assert (difference <= errors * estimate.standard_error + 1e-6).all(), (estimate, truth)


# --- Densities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 100, 641, N, 2**17])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_densities_are_the_mixture_of_all(chunk: int, dtype: torch.dtype, tolerance: float) -> None:
    mu, logvar = encoded(dtype=dtype)
    posterior = pyvae.aggregate_posterior(mu, logvar, chunk=chunk)
    z = posterior.sample(73, seed=0).z
    joint, marginals = brute_force(z, mu, logvar)
    assert posterior.joint_log_density(z).dtype == posterior.marginal_log_density(z).dtype == dtype
    torch.testing.assert_close(posterior.joint_log_density(z).double(), joint, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(posterior.marginal_log_density(z).double(), marginals, rtol=tolerance, atol=tolerance)


def test_densities_far_from_every_posterior() -> None:
    mu, logvar = encoded()
    z = torch.tensor([-40.0, 0.0, 25.0])[:, None].expand(3, D).contiguous()
    joint, marginals = brute_force(z, mu, logvar)
    for chunk in (100, 2**17):
        posterior = pyvae.aggregate_posterior(mu, logvar, chunk=chunk)
        torch.testing.assert_close(posterior.joint_log_density(z).double(), joint, rtol=2e-5, atol=0)
        torch.testing.assert_close(posterior.marginal_log_density(z).double(), marginals, rtol=2e-5, atol=0)


def test_more_queries_than_go_to_the_ops_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = pyvae.aggregate_posterior(*encoded(), chunk=300)
    z = posterior.sample(101, seed=0).z
    expected = posterior.joint_log_density(z), posterior.marginal_log_density(z)
    monkeypatch.setattr(aggregate_module, "QUERIES", 17)
    assert torch.equal(posterior.joint_log_density(z), expected[0])
    torch.testing.assert_close(posterior.marginal_log_density(z), expected[1], rtol=2e-5, atol=2e-5)


def test_queries_have_any_leading_axes() -> None:
    posterior = pyvae.aggregate_posterior(*encoded())
    z = torch.randn(2, 3, D)
    assert posterior.joint_log_density(z).shape == (2, 3)
    torch.testing.assert_close(posterior.marginal_log_density(z)[1, 2], posterior.marginal_log_density(z[1, 2]))
    assert posterior.joint_log_density(z[0, 0]).shape == ()
    assert posterior.marginal_log_density(z[:0]).shape == (0, 3, D)


def test_answers_carry_no_gradient() -> None:
    mu, logvar = (x.requires_grad_() for x in encoded(50))
    posterior = pyvae.aggregate_posterior(mu, logvar)
    z = torch.randn(4, D, requires_grad=True)
    assert not posterior.marginal_log_density(z).requires_grad
    assert not posterior.joint_log_density(z).requires_grad
    assert not posterior.kl_decomposition(10).mutual_information.value.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_computed_in_float32(dtype: torch.dtype) -> None:
    mu, logvar = encoded(300, dtype=dtype)
    posterior = pyvae.aggregate_posterior(mu, logvar)
    z = posterior.sample(20, seed=0).z
    assert z.dtype == torch.float32
    upcast = pyvae.aggregate_posterior(mu.float(), logvar.float())
    assert torch.equal(posterior.marginal_log_density(z), upcast.marginal_log_density(z))
    assert posterior.marginal_log_density(z.to(dtype)).dtype == torch.float32


# --- Where the rows come from -----------------------------------------------------------------------------------------


def _memory_map(x: Tensor, folder: Path, name: str) -> object:
    np.save(folder / f"{name}.npy", x.numpy())
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def _path(x: Tensor, folder: Path, name: str) -> object:
    np.save(folder / f"{name}.npy", x.numpy())
    return folder / f"{name}.npy"


def _text_path(x: Tensor, folder: Path, name: str) -> object:
    return str(_path(x, folder, name))


def _other_byte_order(x: Tensor, folder: Path, name: str) -> object:
    return np.asfortranarray(x.numpy().astype(">f4"))


def _strided(x: Tensor, folder: Path, name: str) -> object:
    return x.t().contiguous().t()


SOURCES = [_memory_map, _path, _text_path, _other_byte_order, _strided, lambda x, folder, name: x.numpy()]


@pytest.mark.parametrize("made", SOURCES)
@pytest.mark.parametrize("chunk", [200, 2**17])
def test_tensors_arrays_memory_maps_and_files_are_one(
    made: Callable[[Tensor, Path, str], object], chunk: int, tmp_path: Path
) -> None:
    mu, logvar = encoded()
    labels = torch.randint(0, 3, (N,)).float().long()
    of_tensors = pyvae.aggregate_posterior(mu, logvar, chunk=chunk)
    other = pyvae.aggregate_posterior(made(mu, tmp_path, "mu"), made(logvar, tmp_path, "logvar"), chunk=chunk)  # type: ignore[arg-type]
    assert len(other) == N and other.latents == D
    expected = of_tensors.kl_decomposition(50, seed=3)
    for mine, theirs in zip(other.kl_decomposition(50, seed=3), expected, strict=True):
        assert torch.equal(mine.value, theirs.value)
    expected = of_tensors.conditional_entropies(labels, 20, seed=3)
    assert torch.equal(other.conditional_entropies(labels.numpy(), 20, seed=3).value, expected.value)


def test_labels_from_a_file(tmp_path: Path) -> None:
    posterior = pyvae.aggregate_posterior(*encoded())
    labels = np.random.default_rng(0).integers(0, 4, (N, 2))
    np.save(tmp_path / "labels.npy", labels)
    expected = posterior.conditional_entropies(labels, 20, seed=0)
    assert torch.equal(posterior.conditional_entropies(tmp_path / "labels.npy", 20, seed=0).value, expected.value)


@pytest.mark.parametrize(("count", "chunk"), [(1, 1), (5, 1), (7, 7), (1000, 7), (1000, 999), (5000, 128), (4097, 333)])
def test_chunks_hold_every_row_once(count: int, chunk: int) -> None:
    chunks = list(interleaved(count, chunk))
    assert len(chunks) == chunks_of(count, chunk)
    assert max(len(rows) for rows in chunks) <= chunk
    assert torch.equal(torch.cat(chunks).sort().values, torch.arange(count))


def test_every_chunk_reaches_over_the_data_set() -> None:
    for rows in interleaved(737_280, 2**17):
        share = torch.histc(rows.float(), 10, 0, 737_280) / len(rows)
        assert share.min() > 0.02


def test_no_question_holds_more_rows_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    take = Table.take
    monkeypatch.setattr(Table, "take", lambda table, rows: (taken.append(len(rows)), take(table, rows))[1])
    posterior = pyvae.aggregate_posterior(*encoded(), chunk=100)
    posterior.kl_decomposition(30, seed=0)
    posterior.conditional_entropies(torch.arange(N) % 2, 30, seed=0)
    assert max(taken) <= 100


# --- Samples ----------------------------------------------------------------------------------------------------------


def test_samples_come_from_their_posterior() -> None:
    mu = torch.arange(8.0)[:, None].expand(8, 3)
    posterior = pyvae.aggregate_posterior(mu, torch.full((8, 3), -2.0))
    z, indices = posterior.sample(40_000, seed=1)
    residual = (z - mu[indices]) / math.exp(-1)
    assert residual.mean().item() == pytest.approx(0, abs=0.015)
    assert residual.std().item() == pytest.approx(1, abs=0.015)
    assert (indices.bincount(minlength=8) / 40_000 - 1 / 8).abs().max() < 0.01


def test_a_seed_or_a_generator_fixes_every_answer() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(200))
    labels = torch.arange(200) % 3
    questions: list[Callable[..., Estimate]] = [
        posterior.mutual_information,
        posterior.total_correlation,
        posterior.dimwise_kl,
        posterior.marginal_entropies,
        lambda samples, **how: posterior.conditional_entropies(labels, samples, **how),
    ]
    for ask in questions:
        first = ask(20, seed=5).value
        assert torch.equal(ask(20, seed=5).value, first)
        assert torch.equal(ask(20, generator=torch.Generator().manual_seed(5)).value, first)
        assert not torch.equal(ask(20, seed=6).value, first)
        torch.manual_seed(5)
        torch.testing.assert_close(ask(20).value, first)


def test_the_number_of_threads_changes_no_bit() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(), chunk=300)
    before = torch.get_num_threads()
    answers = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        answers.append(posterior.marginal_log_density(posterior.sample(50, seed=0).z))
    torch.set_num_threads(before)
    assert torch.equal(*answers)


# --- Information ------------------------------------------------------------------------------------------------------


def test_the_parts_telescope() -> None:
    mu, logvar = encoded()
    posterior = pyvae.aggregate_posterior(mu, logvar, chunk=500)
    parts = posterior.kl_decomposition(400, seed=2)
    z, indices = (x if x.dtype == torch.int64 else x.double() for x in posterior.sample(400, seed=2))
    log_ratio = reference.log_normal(z, mu[indices].double(), logvar[indices].double()) - reference.log_normal(
        z, torch.zeros(()), torch.zeros(())
    )
    total = parts.mutual_information.value + parts.total_correlation.value + parts.dimwise_kl.value.sum()
    torch.testing.assert_close(total, log_ratio.sum(-1).mean(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parts.dimwise_kl.value.sum(), parts.dimwise_kl_sum.value)


def test_parts_asked_for_one_by_one_are_the_same() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(300))
    parts = posterior.kl_decomposition(50, seed=2)
    for name in ("mutual_information", "total_correlation", "dimwise_kl"):
        alone, together = getattr(posterior, name)(50, seed=2), getattr(parts, name)
        torch.testing.assert_close(alone.value, together.value)
        torch.testing.assert_close(alone.standard_error, together.standard_error)


def test_a_minibatch_of_everything_says_the_same() -> None:
    mu, logvar = encoded(2000)
    z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    minibatch = pyvae.kl_decomposition(z, mu, logvar, estimator="full")
    posterior = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(20_000, seed=0)
    assert_within(posterior.mutual_information, minibatch.mutual_information.mean().item(), errors=6)
    assert_within(posterior.total_correlation, minibatch.total_correlation.mean().item(), errors=12)
    assert_within(posterior.dimwise_kl_sum, minibatch.dimwise_kl.mean().item(), errors=12)


@pytest.mark.parametrize(("spread", "total_correlation"), [(0.1, 13.10), (0.3, 2.82), (0.5, 0.48)])
def test_the_truth_table(spread: float, total_correlation: float) -> None:
    """The full-data column by another program in float64, on other mu_n ~ N(0, I); its standard error is up to 0.08."""
    mu = torch.randn(20_000, 10)
    posterior = pyvae.aggregate_posterior(mu, torch.full_like(mu, 2 * math.log(spread)))
    value, standard_error = posterior.kl_decomposition(2000, seed=0).total_correlation
    assert abs(value.item() - total_correlation) < 4 * math.hypot(standard_error.item(), 0.08)


def test_separated_posteriors_hold_the_log_of_their_number() -> None:
    mu = 100.0 * torch.arange(64.0)[:, None].expand(64, 3)
    posterior = pyvae.aggregate_posterior(mu, torch.zeros(64, 3))
    parts = posterior.kl_decomposition(100, seed=0)
    assert parts.mutual_information.value.item() == pytest.approx(math.log(64), abs=1e-4)
    assert parts.total_correlation.value.item() == pytest.approx(2 * math.log(64), abs=1e-4)


def test_equal_posteriors_hold_nothing() -> None:
    posterior = pyvae.aggregate_posterior(torch.zeros(100, 3), torch.zeros(100, 3))
    for estimate in posterior.kl_decomposition(100, seed=0):
        torch.testing.assert_close(estimate.value, torch.zeros_like(estimate.value), atol=2e-5, rtol=0)
    entropies = posterior.marginal_entropies(20_000, seed=0)
    assert_within(entropies, 0.5 * math.log(2 * math.pi * math.e))


def test_entropies_of_separated_values() -> None:
    """H(z) = H(z|v) + H(v) where values do not overlap, and H(z|v) is a Gaussian's."""
    values = torch.arange(900) % 3
    mu = 50.0 * values[:, None].float()
    posterior = pyvae.aggregate_posterior(mu.expand(900, 2), torch.full((900, 2), -1.0), chunk=200)
    gaussian = 0.5 * math.log(2 * math.pi * math.e) - 0.5
    assert_within(posterior.marginal_entropies(20_000, seed=0), gaussian + math.log(3))
    conditional = posterior.conditional_entropies(torch.stack([values, values * 0], 1), 20_000, seed=0)
    assert conditional.value.shape == conditional.standard_error.shape == (2, 2)
    assert_within(conditional, torch.tensor([gaussian, gaussian + math.log(3)])[:, None].expand(2, 2))


def test_conditional_entropies_are_weighed_by_frequency() -> None:
    labels = torch.cat([torch.full((90,), 7), torch.full((10,), -2)])
    logvar = torch.where(labels == 7, -6.0, 1.0)[:, None].expand(100, 2)
    posterior = pyvae.aggregate_posterior(torch.zeros(100, 2), logvar)
    expected = 0.5 * math.log(2 * math.pi * math.e) + 0.5 * (0.9 * -6 + 0.1 * 1)
    assert_within(posterior.conditional_entropies(labels, 10_000, seed=0), expected)


def test_conditional_entropies_are_those_of_each_values_own_posterior() -> None:
    mu, logvar = encoded()
    labels = torch.randint(0, 4, (N,))
    posterior = pyvae.aggregate_posterior(mu, logvar, chunk=150)
    strata = [pyvae.aggregate_posterior(mu[labels == v], logvar[labels == v]) for v in range(4)]
    expected = sum(
        (labels == v).double().mean() * stratum.marginal_entropies(20_000, seed=v).value
        for v, stratum in enumerate(strata)
    )
    assert_within(posterior.conditional_entropies(labels, 20_000, seed=9), expected, errors=6)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "uint64"])
def test_labels_of_any_whole_type(dtype: str) -> None:
    if dtype == "bool":
        labels = np.array([True, False, True, True])
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        labels = np.array([high, low, high, low + 1], dtype)
    (values,) = members_by_value(labels, 4)
    expected = [[1], [0, 2, 3]] if dtype == "bool" else [[1], [3], [0, 2]]
    assert [members.tolist() for members in values] == expected


def test_standard_errors_are_honest() -> None:
    """About 95 of 100 estimates lie within 1.96 standard errors of the truth; of 200, 178 at least but once in 10^4."""
    mu, logvar = encoded(60, 3)
    posterior = pyvae.aggregate_posterior(mu, logvar)
    labels = torch.arange(60) % 3
    runs = 200

    def parts(samples: int, seed: int) -> list[Estimate]:
        return [
            *posterior.kl_decomposition(samples, seed=seed),
            posterior.marginal_entropies(samples, seed=seed + 1000),
            posterior.conditional_entropies(labels, samples, seed=seed + 2000),
        ]

    truth = parts(400_000, 10_000)
    tries = [parts(300, seed) for seed in range(runs)]
    for k, exact in enumerate(truth):
        inside = torch.stack(
            [((t[k].value - exact.value).abs() < 1.96 * t[k].standard_error).double() for t in tries]
        ).mean(0)
        assert (inside > 0.89).all() and (inside < 0.995).all(), (k, inside)


# --- What it refuses --------------------------------------------------------------------------------------------------


def test_wrong_posteriors_are_named() -> None:
    x = torch.zeros(4, 2)
    bad = x.clone()
    bad[3, 1] = math.nan
    wrong: list[tuple[tuple[object, object], dict[str, object], type[Exception], str]] = [
        (([[0.0]], x), {}, TypeError, "mu must be a tensor"),
        ((x, 3), {}, TypeError, "logvar must be a tensor"),
        ((x.long(), x), {}, TypeError, "mu must be float32"),
        ((x, np.zeros((4, 2), "int16")), {}, TypeError, "logvar must be float32"),
        ((x, x.double()), {}, TypeError, "logvar must have the dtype of mu, float32, got float64"),
        ((x[0], x[0]), {}, ValueError, r"mu must have the shape \[N, D\]"),
        ((x, x[None]), {}, ValueError, r"logvar must have the shape \[N, D\]"),
        ((x, x[:3]), {}, ValueError, "logvar must have the shape of mu"),
        ((x, x.to("meta")), {}, ValueError, "logvar must be on the device of mu"),
        ((x[:0], x[:0]), {}, ValueError, "mu must hold at least one posterior"),
        ((x[:, :0], x[:, :0]), {}, ValueError, "mu must hold at least one posterior of at least one latent"),
        ((bad, x), {}, ValueError, "mu must be finite, got a NaN or an infinity in row 3"),
        ((x, bad - math.inf), {}, ValueError, "logvar must be finite, got a NaN or an infinity in row 0"),
        ((x, x), {"rtol": 0.0}, ValueError, "rtol must be greater than 0"),
        ((x, x), {"chunk": 0}, ValueError, "chunk must be at least 1"),
        ((x, x), {"chunk": 2.5}, TypeError, "chunk must be an int"),
    ]
    for arguments, options, error, message in wrong:
        with pytest.raises(error, match=message):
            pyvae.aggregate_posterior(*arguments, **options)  # type: ignore[arg-type]


def test_a_nan_in_a_later_chunk_is_found() -> None:
    mu, logvar = encoded(1000)
    logvar[777, 0] = math.inf
    with pytest.raises(ValueError, match="logvar must be finite, got a NaN or an infinity in row 777"):
        pyvae.aggregate_posterior(mu, logvar, chunk=100)


def test_a_path_that_holds_no_array(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pyvae.aggregate_posterior(tmp_path / "absent.npy", torch.zeros(1, 1))
    (tmp_path / "text.npy").write_text("0.1, 0.2")
    (tmp_path / "empty.npy").touch()
    for name in ("text.npy", "empty.npy"):
        with pytest.raises(ValueError, match=r"logvar must be the path of a \.npy file of numbers"):
            pyvae.aggregate_posterior(torch.zeros(1, 1), tmp_path / name)
    np.savez(tmp_path / "many.npz", a=np.zeros((2, 2)))
    with pytest.raises(TypeError, match="mu must be a tensor"):
        pyvae.aggregate_posterior(tmp_path / "many.npz", torch.zeros(2, 2))


@pytest.fixture
def small() -> AggregatePosterior:
    return pyvae.aggregate_posterior(torch.zeros(4, 2), torch.zeros(4, 2))


def test_wrong_queries_are_named(small: AggregatePosterior) -> None:
    wrong: list[tuple[object, type[Exception], str]] = [
        (np.zeros((1, 2)), TypeError, "z must be a tensor"),
        (torch.zeros(1, 2, dtype=torch.float64), TypeError, "z must have the dtype of mu, float32, got float64"),
        (torch.zeros(1, 3), ValueError, r"z must have the shape \[\.\.\., 2\]"),
        (torch.zeros(()), ValueError, r"z must have the shape \[\.\.\., 2\]"),
        (torch.zeros(1, 2, device="meta"), ValueError, "z must be on the device of mu"),
    ]
    for z, error, message in wrong:
        for ask in (small.marginal_log_density, small.joint_log_density):
            with pytest.raises(error, match=message):
                ask(z)  # type: ignore[arg-type]


def test_wrong_labels_and_counts_are_named(small: AggregatePosterior) -> None:
    wrong: list[tuple[object, type[Exception], str]] = [
        (torch.zeros(4), TypeError, "labels must be whole numbers, got float32"),
        ([0, 1, 0, 1], TypeError, "labels must be a tensor"),
        (torch.zeros(3, dtype=torch.long), ValueError, "labels must have a row for each of the 4 posteriors, got 3"),
        (torch.zeros(4, 1, 1, dtype=torch.long), ValueError, r"labels must have the shape \[N\] or \[N, K\]"),
        (torch.zeros(4, 0, dtype=torch.long), ValueError, r"labels must have the shape \[N\] or \[N, K\]"),
    ]
    for labels, error, message in wrong:
        with pytest.raises(error, match=message):
            small.conditional_entropies(labels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="samples must be at least 2, got 1"):
        small.mutual_information(1)
    with pytest.raises(TypeError, match="samples must be an int, got float"):
        small.marginal_entropies(1e4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="count must be at least 0"):
        small.sample(-1)
    with pytest.raises(ValueError, match="seed and generator"):
        small.sample(1, seed=0, generator=torch.Generator())


def test_progress_is_shown_only_to_those_who_ask(capfd: pytest.CaptureFixture[str]) -> None:
    mu, logvar = encoded(300)
    quiet = pyvae.aggregate_posterior(mu, logvar, chunk=50).marginal_entropies(10, seed=0)
    assert capfd.readouterr() == ("", "")
    shown = pyvae.aggregate_posterior(mu, logvar, chunk=50, progress=True).marginal_entropies(10, seed=0)
    assert "marginal entropies" in capfd.readouterr().err
    assert torch.equal(quiet.value, shown.value)


def test_the_docstring_example() -> None:
    globs = {**vars(aggregate_module), "torch": torch}
    (test,) = doctest.DocTestFinder(recurse=False).find(pyvae.aggregate_posterior, "aggregate_posterior", globs=globs)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.failures == 0 and test.examples
