"""minibatch_log_density against plain torch in float64, against mathematics, and against its own contract."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, gradients, layouts

ESTIMATORS = ["full", "mws", "mss", "balanced"]
# (leading axes, M, D): one posterior, one latent, primes, a tile and one more, several tiles.
SHAPES = [
    ((), 1, 1),
    ((), 1, 7),
    ((), 2, 3),
    ((), 13, 1),
    ((), 63, 5),
    ((), 65, 10),
    ((), 257, 3),
    ((), 521, 2),
    ((3,), 31, 4),
    ((2, 3), 17, 2),
    ((), 33, 129),
]


def posteriors(leading: tuple[int, ...], m: int, d: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    mu = torch.randn(*leading, m, d, dtype=dtype)
    logvar = torch.randn(*leading, m, d, dtype=dtype) - 2
    z = mu + torch.exp(0.5 * logvar) * torch.randn(*leading, m, d, dtype=dtype)
    return [z, mu, logvar]


def size_for(estimator: str, m: int) -> int | None:
    return None if estimator == "full" else 3 * m + 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(isa: str, shape: tuple, estimator: str, dtype: torch.dtype) -> None:
    inputs = posteriors(*shape, dtype)
    options = {"dataset_size": size_for(estimator, shape[1]), "estimator": estimator}

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, **options)

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, **options)

    exact_inputs = [t.double() for t in inputs]
    for got, rough, want in zip(op(*inputs), plain(*inputs), plain(*exact_inputs), strict=True):
        assert_values(got, rough, want)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact_inputs))


@settings(max_examples=100, deadline=None)
@given(
    m=st.integers(1, 70),
    d=st.integers(1, 12),
    log_sigma=st.floats(-6, 3),
    spread=st.floats(0, 3),
    shift=st.floats(-100, 100),
    estimator=st.sampled_from(ESTIMATORS),
    seed=st.integers(0, 2**31),
)
def test_contract_over_regimes(
    m: int, d: int, log_sigma: float, spread: float, shift: float, estimator: str, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    mu = torch.randn(m, d, generator=generator) + shift
    logvar = 2 * log_sigma + spread * torch.randn(m, d, generator=generator)
    z = mu + torch.exp(0.5 * logvar) * torch.randn(m, d, generator=generator)
    options = {"dataset_size": None if estimator == "full" else 1000, "estimator": estimator}
    got = pyvae.minibatch_log_density(z, mu, logvar, **options)
    rough = reference.minibatch_log_density(z, mu, logvar, **options)
    want = reference.minibatch_log_density(z.double(), mu.double(), logvar.double(), **options)
    for triple in zip(got, rough, want, strict=True):
        assert_values(*triple)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [((), 1, 1), ((), 2, 1), ((), 5, 3), ((2,), 4, 2), ((), 7, 1)], ids=str)
def test_gradcheck(shape: tuple, estimator: str) -> None:
    inputs = [t.requires_grad_() for t in posteriors(*shape, torch.float64)]

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return tuple(pyvae.minibatch_log_density(*t, dataset_size=size_for(estimator, shape[1]), estimator=estimator))

    assert torch.autograd.gradcheck(op, inputs, nondet_tol=0)


@pytest.mark.parametrize("estimator", range(4))
@pytest.mark.parametrize("shape", [((), 1, 1), ((), 9, 4), ((2, 3), 5, 2)], ids=str)
def test_opcheck(shape: tuple, estimator: int) -> None:
    inputs = [t.requires_grad_() for t in posteriors(*shape)]
    torch.library.opcheck(torch.ops.pyvae.minibatch_log_density.default, (*inputs, 100, estimator))
    z, mu, logvar = (t.detach() for t in inputs)
    joint, marginals, peak, total = torch.ops.pyvae.minibatch_log_density(z, mu, logvar, 100, estimator)
    saved = (torch.randn_like(joint), torch.randn_like(marginals), z, mu, logvar, peak, total, 100, estimator)
    torch.library.opcheck(torch.ops.pyvae.minibatch_log_density_backward.default, saved)


def test_queries_of_another_number_than_posteriors() -> None:
    z, mu, logvar = torch.randn(3, 5, 4), torch.randn(3, 70, 4), torch.randn(3, 70, 4)

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, estimator="full")

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, estimator="full")

    exact = [t.double() for t in (z, mu, logvar)]
    for triple in zip(op(z, mu, logvar), plain(z, mu, logvar), plain(*exact), strict=True):
        assert_values(*triple)
    inputs = (z, mu, logvar)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


def test_leading_axes_broadcast() -> None:
    z, mu, logvar = torch.randn(4, 6, 3), torch.randn(6, 3), torch.randn(6, 1).expand(6, 3)
    got = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=50)
    for k in range(4):
        alone = pyvae.minibatch_log_density(z[k], mu, logvar, dataset_size=50)
        assert_bit_equal(got.joint[k], alone.joint)
        assert_bit_equal(got.marginals[k], alone.marginals)


def test_empty_inputs() -> None:
    mu, logvar = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)
    got = pyvae.minibatch_log_density(torch.empty(0, 3), mu, logvar, estimator="full")
    assert got.joint.shape == (0,) and got.marginals.shape == (0, 3)
    got.joint.sum().backward()
    assert bool((mu.grad == 0).all())
    none = pyvae.minibatch_log_density(torch.empty(0, 5, 3), mu, logvar, dataset_size=9)
    assert none.marginals.shape == (0, 5, 3)


def test_layouts_are_bit_equal() -> None:
    inputs = posteriors((), 37, 6)
    want = pyvae.minibatch_log_density(*inputs, dataset_size=100)
    for name in layouts(inputs[0]):
        got = pyvae.minibatch_log_density(*(layouts(t)[name] for t in inputs), dataset_size=100)
        assert_bit_equal(got.joint, want.joint)
        assert_bit_equal(got.marginals, want.marginals)


def test_half_types_compute_in_float32() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        inputs = [t.to(dtype) for t in posteriors((), 20, 4)]

        def op(*t: Tensor) -> tuple[Tensor, ...]:
            return pyvae.minibatch_log_density(*t, dataset_size=64)

        want = op(*(t.float() for t in inputs))
        got = op(*inputs)
        assert got.joint.dtype == torch.float32
        assert_bit_equal(got.marginals, want.marginals)
        assert all(g.dtype == dtype for g in gradients(op, inputs))


def test_autocast_runs_in_float32() -> None:
    z, mu, logvar = posteriors((), 20, 4)
    want = pyvae.minibatch_log_density(z, mu.bfloat16().float(), logvar, dataset_size=64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = pyvae.minibatch_log_density(z, mu.bfloat16(), logvar, dataset_size=64)
    assert_bit_equal(got.joint, want.joint)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_in_one_graph(dynamic: bool) -> None:
    def loss(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return pyvae.kl_decomposition(z, mu, logvar, dataset_size=1000)

    compiled = torch.compile(loss, fullgraph=True, dynamic=dynamic)
    for m in (12, 19):
        inputs = posteriors((), m, 5)
        for a, b in zip(compiled(*inputs), loss(*inputs), strict=True):
            torch.testing.assert_close(a, b)
        for a, b in zip(gradients(compiled, inputs), gradients(loss, inputs), strict=True):
            torch.testing.assert_close(a, b)


def test_vmap_is_a_loop_over_models() -> None:
    stacked = posteriors((3,), 11, 4)

    def loss(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=50)
        return (density.joint - density.marginals.sum(-1)).mean()

    def together(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        # Another batch axis per argument, and none for mu.
        return (torch.func.vmap(loss, in_dims=(0, None, 1))(z, mu, logvar.movedim(0, 1)),)

    def one_by_one(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        return (torch.stack([loss(z[k], mu, logvar[k]) for k in range(3)]),)

    inputs = (stacked[0], stacked[1][0], stacked[2])
    torch.testing.assert_close(together(*inputs), one_by_one(*inputs))
    torch.testing.assert_close(gradients(together, inputs), gradients(one_by_one, inputs))


def test_same_bits_for_any_number_of_threads(isa: str) -> None:
    inputs = posteriors((2,), 300, 7)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            op = lambda *t: pyvae.minibatch_log_density(*t, dataset_size=1000)  # noqa: E731
            results.append([*op(*inputs), *gradients(op, inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


def test_hostile_values_stay_in_their_row(isa: str) -> None:
    z, mu, logvar = posteriors((), 40, 3)
    clean = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    for value in (math.nan, math.inf, -math.inf, 3.4e38, 1e18, -0.0, 1e-40):
        hostile = z.clone()
        hostile[7, 1] = value
        got = pyvae.minibatch_log_density(hostile, mu, logvar, estimator="full")
        others = torch.arange(40) != 7
        assert_bit_equal(got.joint[others], clean.joint[others])
        assert_bit_equal(got.marginals[others], clean.marginals[others])
        assert math.isnan(got.joint[7]) == math.isnan(value)


def test_extreme_variances_are_finite_and_right() -> None:
    for level in (-100.0, -88.0, 88.0, 100.0):
        mu, logvar = torch.randn(20, 2), torch.full((20, 2), level)
        z = mu + torch.exp(0.5 * logvar) * torch.randn(20, 2)
        leaves = [t.requires_grad_() for t in (z, mu, logvar)]
        got = pyvae.minibatch_log_density(*leaves, dataset_size=100)
        want = reference.minibatch_log_density(*(t.detach().double() for t in leaves), dataset_size=100)
        torch.testing.assert_close(got.joint.double(), want[0], rtol=1e-4, atol=1e-4)
        (got.joint.sum() + got.marginals.sum()).backward()
        assert all(t.grad.isfinite().all() for t in leaves)


def test_a_row_out_of_reach_has_no_gradient() -> None:
    z, mu, logvar = posteriors((), 10, 2)
    z[3] = 1e18
    logvar[:] = -90
    leaves = [t.requires_grad_() for t in (z, mu, logvar)]
    got = pyvae.minibatch_log_density(*leaves, estimator="full")
    assert got.joint[3] == -math.inf
    torch.autograd.backward([got.joint[3]], [torch.ones(())])
    assert all(bool((t.grad == 0).all()) for t in leaves)


# --- Mathematics ------------------------------------------------------------------------------------------------------


def test_marginal_density_integrates_to_one() -> None:
    mu, logvar = torch.randn(50, 1, dtype=torch.float64), torch.randn(50, 1, dtype=torch.float64) - 1
    x = torch.linspace(-30, 30, 20001, dtype=torch.float64).unsqueeze(1)
    density = pyvae.minibatch_log_density(x, mu, logvar, estimator="full").marginals.exp()
    assert torch.trapezoid(density[:, 0], x[:, 0]).item() == pytest.approx(1, abs=1e-9)


def test_one_latent_joint_is_its_marginal() -> None:
    z, mu, logvar = posteriors((), 30, 1, torch.float64)
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=90)
    torch.testing.assert_close(density.joint, density.marginals[:, 0])


def test_balanced_is_full_when_the_minibatch_is_the_data_set() -> None:
    z, mu, logvar = posteriors((), 30, 4, torch.float64)
    balanced = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=30, estimator="balanced")
    full = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    torch.testing.assert_close(balanced.joint, full.joint)
    torch.testing.assert_close(balanced.marginals, full.marginals)


@pytest.mark.parametrize("estimator", ["mss", "balanced"])
def test_a_minibatch_of_one_gives_the_posterior(estimator: str) -> None:
    z, mu, logvar = posteriors((), 1, 4, torch.float64)
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=100, estimator=estimator)
    torch.testing.assert_close(density.marginals, reference.log_normal(z, mu, logvar))


# numerics.md, section 2: total correlation in nats; posteriors N(mu_n, s^2 I), mu_n ~ N(0, I), N = 20 000, D = 10.
TRUTH_TABLE = [
    # s, full, mss at 64 and 2048, mws at 64 and 2048
    (0.1, 13.10, (15.1, 13.2), (107, 105)),
    (0.3, 2.82, (3.1, 2.7), (97, 94)),
    (0.5, 0.48, (-0.6, 0.15), (93, 90)),
]


@pytest.mark.parametrize(("s", "full", "mss", "mws"), TRUTH_TABLE)
def test_truth_table_of_the_estimators(
    s: float, full: float, mss: tuple[float, float], mws: tuple[float, float]
) -> None:
    n, d = 20_000, 10
    mu = torch.randn(n, d)
    logvar = torch.full((n, d), 2 * math.log(s))
    z = mu + s * torch.randn(n, d)
    query = pyvae.minibatch_log_density(z[:4096], mu, logvar, estimator="full")
    assert (query.joint - query.marginals.sum(-1)).mean().item() == pytest.approx(full, abs=0.25)
    for size, want_mss, want_mws in zip((64, 2048), mss, mws, strict=True):
        keep = n // size * size
        batches = [t[:keep].view(-1, size, d) for t in (z, mu, logvar)]
        for estimator, want, tolerance in (("mss", want_mss, 0.3), ("mws", want_mws, 1.0)):
            parts = pyvae.kl_decomposition(*batches, dataset_size=n, estimator=estimator)
            assert parts.total_correlation.mean().item() == pytest.approx(want, abs=tolerance)


def test_the_copied_matrix_is_nats_away() -> None:
    """The stride [::M' + 1] over a flattened B x B matrix, B = M' + 1, fills columns 0 and 1, not the diagonals."""
    n, d, size, s = 20_000, 10, 64, 0.3
    weights = torch.full((size, size), 1 / (size - 1))
    weights.view(-1)[::size] = 1 / n
    weights.view(-1)[1::size] = (n - size + 1) / (n * (size - 1))
    log_w = weights.log()
    mu = torch.randn(40, size, d)
    z = mu + s * torch.randn(40, size, d)
    logvar = torch.full_like(mu, 2 * math.log(s))
    pairs = reference.log_normal(z.unsqueeze(-2), mu.unsqueeze(-3), logvar.unsqueeze(-3))
    copied = torch.logsumexp(log_w + pairs.sum(-1), -1) - torch.logsumexp(log_w.unsqueeze(-1) + pairs, -2).sum(-1)
    assert copied.mean().item() == pytest.approx(7.8, abs=0.3)  # full data: 2.82
    right = pyvae.kl_decomposition(z, mu, logvar, dataset_size=n).total_correlation
    assert abs(right.mean().item() - 2.82) < 0.6


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_decomposition_telescopes_to_the_monte_carlo_kl(estimator: str) -> None:
    z, mu, logvar = posteriors((2,), 25, 6, torch.float64)
    parts = pyvae.kl_decomposition(z, mu, logvar, dataset_size=size_for(estimator, 25), estimator=estimator)
    zero = torch.zeros_like(z)
    want = (reference.log_normal(z, mu, logvar) - reference.log_normal(z, zero, zero)).sum(-1)
    torch.testing.assert_close(sum(parts), want)


# --- Memory -----------------------------------------------------------------------------------------------------------

MEMORY_PROBE = """
import resource, sys, torch, pyvae
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def run(m):
    z, mu, logvar = (torch.randn(m, 10).requires_grad_() for _ in range(3))
    before = peak()
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=10 * m)
    (density.joint.sum() + density.marginals.sum()).backward()
    return peak() - before
run(64)
print(run(int(sys.argv[1])))
"""


def test_memory_does_not_grow_with_the_square() -> None:
    # [M, M] would be 1024 MiB here, [M, M, D] ten times that; design.md allows 64 MiB at four times this M.
    output = subprocess.run(
        [sys.executable, "-c", MEMORY_PROBE, "16384"], capture_output=True, text=True, check=True
    ).stdout
    assert float(output) < 20


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"z": torch.randn(5, 4)}, ValueError, "z must have as many latents as mu, 3, got 4"),
        ({"z": torch.randn(6, 3)}, ValueError, "z must have as many rows as mu, 5"),
        ({"z": torch.randn(3)}, ValueError, r"z must have the shape \[..., Q, D\]"),
        ({"z": torch.randn(2, 5, 3), "mu": torch.randn(3, 5, 3)}, ValueError, "z must have leading axes"),
        ({"mu": torch.randn(4, 3)}, ValueError, "mu and logvar must have shapes that broadcast"),
        ({"mu": torch.randn(0, 3), "logvar": torch.randn(0, 3)}, ValueError, "mu must hold at least one posterior"),
        ({"mu": [1.0]}, TypeError, "mu must be a tensor, got list"),
        ({"mu": torch.randn(5, 3).double()}, TypeError, "mu must have the dtype of z, float32, got float64"),
        ({"z": torch.ones(5, 3, dtype=torch.int64)}, TypeError, "z must be float32"),
        ({"logvar": torch.randn(5, 3, device="meta")}, ValueError, "logvar must be on the device of z, cpu, got meta"),
        ({"dataset_size": None}, ValueError, "dataset_size must be given for estimator 'mss'"),
        ({"dataset_size": 4}, ValueError, "dataset_size must be at least the number of posteriors, 5, got 4"),
        ({"dataset_size": 2**63}, ValueError, "dataset_size must fit in 64 bits"),
        ({"dataset_size": 7.5}, TypeError, "dataset_size must be an int, got float"),
        ({"estimator": "full"}, ValueError, "dataset_size must be the number of posteriors, 5, or None"),
        ({"estimator": "best"}, ValueError, "estimator must be one of 'full', 'mws', 'mss', 'balanced', got 'best'"),
        ({"method": "fast"}, ValueError, "method must be 'auto' or 'exact', got 'fast'"),
        ({"rtol": 0.0}, ValueError, "rtol must be greater than 0, got 0.0"),
    ],
)
def test_errors_name_the_argument(change: dict, error: type[Exception], words: str) -> None:
    arguments = {"z": torch.randn(5, 3), "mu": torch.randn(5, 3), "logvar": torch.randn(5, 3), "dataset_size": 10}
    with pytest.raises(error, match=words):
        pyvae.minibatch_log_density(**(arguments | change))


def test_double_backward_says_that_there_is_none() -> None:
    z, mu, logvar = (t.requires_grad_() for t in posteriors((), 4, 2, torch.float64))
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=8)
    (grad,) = torch.autograd.grad(density.joint.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match=r"pyvae\.minibatch_log_density has no second derivative"):
        grad.sum().backward()


# --- Sums that a running float32 total would lose --------------------------------------------------------------------


def assert_contract(z: Tensor, mu: Tensor, logvar: Tensor, **options: object) -> None:
    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, **options)

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, **options)

    inputs, exact = (z, mu, logvar), (z.double(), mu.double(), logvar.double())
    for triple in zip(op(*inputs), plain(*inputs), plain(*exact), strict=True):
        assert_values(*triple)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


def test_gradients_of_a_column_over_many_equal_rows(isa: str) -> None:
    z = torch.full((65_536, 1), 0.3)
    mu, logvar = torch.zeros(1, 1), torch.zeros(1, 1)
    mu.requires_grad_(), logvar.requires_grad_()
    pyvae.minibatch_log_density(z, mu, logvar, estimator="full").joint.sum().backward()
    assert mu.grad.item() == pytest.approx(65_536 * 0.3, rel=1e-5)
    assert logvar.grad.item() == pytest.approx(65_536 * (0.09 - 1) / 2, rel=1e-5)


def test_a_joint_over_a_thousand_equal_latents(isa: str) -> None:
    assert_contract(torch.full((3, 1024), 0.3), torch.zeros(3, 1024), torch.full((3, 1024), -3.0), dataset_size=100)


def test_a_total_over_a_million_equal_columns() -> None:
    mu = torch.full((1_000_000, 1), 0.7)
    mu[0] = 0.2
    z, logvar = torch.full((1, 1), 0.5), torch.zeros(1_000_000, 1)
    got = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    want = reference.minibatch_log_density(z.double(), mu.double(), logvar.double(), estimator="full")
    assert got.joint.item() == pytest.approx(want[0].item(), abs=2e-6)


def test_a_huge_data_set_and_narrow_posteriors(isa: str) -> None:
    mu = torch.randn(40, 5)
    logvar = torch.full((40, 5), -13.8)
    z = mu + 1e-3 * torch.randn(40, 5)
    assert_contract(z, mu, logvar, dataset_size=10**12, estimator="mws")


def test_many_sets_of_queries_share_one_mixture() -> None:
    z, mu, logvar = torch.randn(7, 2, 3, 4), torch.randn(50, 4), torch.randn(50, 4)
    together = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    assert together.marginals.shape == (7, 2, 3, 4) and together.joint.shape == (7, 2, 3)
    for index in ((0, 0), (6, 1)):
        alone = pyvae.minibatch_log_density(z[index], mu, logvar, estimator="full")
        assert_bit_equal(together.marginals[index], alone.marginals)


def test_the_batch_size_stays_dynamic_for_the_full_estimator() -> None:
    def density(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return pyvae.minibatch_log_density(z, mu, logvar, estimator="full").joint

    compiled = torch.compile(density, fullgraph=True)
    for m in (6, 11):
        inputs = posteriors((), m, 3)
        for t in inputs:
            torch._dynamo.mark_dynamic(t, 0)
        torch.testing.assert_close(compiled(*inputs), density(*inputs))


def test_forward_mode_is_refused_not_wrong() -> None:
    z, mu, logvar = posteriors((), 5, 2)
    with pytest.raises(NotImplementedError, match="mu must not carry a forward-mode tangent"):
        torch.func.jvp(lambda m: pyvae.minibatch_log_density(z, m, logvar, dataset_size=9).joint, (mu,), (mu,))


def test_the_net_below_the_door_refuses_nonsense() -> None:
    z = torch.randn(4, 2)
    for arguments in ((z, z, z, 10, 9), (z, z, z, 3, 2), (z[:3], z, z, 10, 2)):
        with pytest.raises(RuntimeError, match="expected"):
            torch.ops.pyvae.minibatch_log_density(*arguments)
