"""joint_log_density against plain torch in float64, and against the joint of minibatch_log_density."""

import math

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from pyvae.ops.joint_log_density import joint_log_density
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, gradients
from tests.ops.posteriors import ESTIMATORS, posteriors, size_for

# (leading axes, M, D): one and two posteriors, one latent, fewer columns than share a read or a chunk, a tile and one
# more, several tiles, a group of rows and one more, groups of latents and one more, many latents.
SHAPES = [
    ((), 1, 1),
    ((), 1, 7),
    ((), 2, 3),
    ((), 5, 2),
    ((), 13, 1),
    ((), 18, 33),
    ((), 63, 5),
    ((), 65, 10),
    ((), 257, 3),
    ((), 521, 2),
    ((3,), 31, 4),
    ((2, 3), 17, 2),
    ((), 33, 129),
    ((), 5, 1024),
]


def joint_of(estimator: str, m: int) -> tuple:
    """The op and plain torch, each a function of (z, mu, logvar) with one result."""
    size = size_for(estimator, m)

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return (joint_log_density(*t, size or 1, ESTIMATORS.index(estimator)),)

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, dataset_size=size, estimator=estimator)[:1]

    return op, plain


def assert_contract(op: object, plain: object, *inputs: Tensor) -> None:
    exact = [t.double() for t in inputs]
    assert_values(op(*inputs)[0], plain(*inputs)[0], plain(*exact)[0])
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(place: str, shape: tuple, estimator: str, dtype: torch.dtype) -> None:
    assert_contract(*joint_of(estimator, shape[1]), *posteriors(*shape, dtype))


def test_latents_of_one_variance_have_no_common_error(place: str) -> None:
    """Their constants round alike, and a sum of rounded ones would be off by as many roundings as there are latents."""
    op, plain = joint_of("full", 1)
    narrow = torch.linspace(-9, -1, 100).view(-1, 1, 1)
    # Logarithms of densities that cancel.
    logvar = torch.cat([narrow, -narrow - 2 * math.log(2 * math.pi)], -1).repeat(1, 1, 512)
    mu = torch.randn_like(logvar)
    (got,), (exact,) = op(mu, mu, logvar), plain(mu.double(), mu.double(), logvar.double())
    assert (got.double() - exact).abs().max() < 1e-6


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_is_the_joint_of_minibatch_log_density(place: str, shape: tuple, estimator: str) -> None:
    inputs = posteriors(*shape)
    want = pyvae.minibatch_log_density(*inputs, dataset_size=size_for(estimator, shape[1]), estimator=estimator)
    got = joint_of(estimator, shape[1])[0](*inputs)[0]
    torch.testing.assert_close(got, want.joint, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("queries", "columns"), [(1, 257), (257, 1), (5, 70), (300, 3)])
def test_queries_of_another_number_than_posteriors(place: str, queries: int, columns: int) -> None:
    z, mu, logvar = torch.randn(2, queries, 4), torch.randn(2, columns, 4), torch.randn(2, columns, 4)
    assert_contract(*joint_of("full", columns), z, mu, logvar)


# --- Where the backward may not do without u -------------------------------------------------------------------------


@pytest.mark.parametrize("level", [-100.0, -88.0, -30.0, 30.0, 88.0, 100.0])
def test_extreme_variances_are_finite_and_right(place: str, level: float) -> None:
    mu, logvar = torch.randn(20, 2), torch.full((20, 2), level)
    z = mu + math.exp(level / 2) * torch.randn(20, 2)
    op, plain = joint_of("mss", 20)
    exact = [t.double() for t in (z, mu, logvar)]
    torch.testing.assert_close(op(z, mu, logvar)[0].double(), plain(*exact)[0], rtol=1e-4, atol=1e-4)
    got = gradients(op, (z, mu, logvar))
    assert all(g.isfinite().all() for g in got)
    for a, b in zip(got, gradients(plain, exact), strict=True):
        assert (a.double() - b).norm() <= 1e-4 * b.norm()


def test_one_column_out_of_range_among_others(place: str) -> None:
    """Only its own tile is computed the guarded way, and both ways are right."""
    z, mu, logvar = posteriors((), 130, 3)
    logvar[70, 1] = -45.0
    assert_contract(*joint_of("balanced", 130), z, mu, logvar)


def test_a_query_far_away_counts_and_changes_no_other_row(place: str) -> None:
    """(z - mu)^2 is beyond float32, ((z - mu) / sigma)^2 is not."""
    z, mu, logvar = posteriors((), 40, 2)
    logvar += 8
    z[:, 1] = mu[:, 1]
    op, plain = joint_of("full", 40)
    want = gradients(op, (z, mu, logvar))
    far = z.clone()
    far[3, 0] = 3e19
    got = gradients(op, (far, mu, logvar))
    exact = gradients(plain, [t.double() for t in (far, mu, logvar)])
    others = torch.arange(40) != 3
    assert_bit_equal(got[0][others], want[0][others])
    for a, b in zip(got, exact, strict=True):
        assert (a.double() - b).norm() <= 1e-4 * b.norm()


@pytest.mark.parametrize("z_value", [math.inf, -math.inf, 1e30])
def test_a_row_out_of_reach_has_no_gradient(place: str, z_value: float) -> None:
    z, mu, logvar = posteriors((), 10, 2)
    z[3, 1] = z_value
    leaves = [t.requires_grad_() for t in (z, mu, logvar)]
    got = joint_of("full", 10)[0](*leaves)[0]
    assert got[3] == -math.inf
    torch.autograd.backward([got[3]], [torch.ones(())])
    assert all(bool((t.grad == 0).all()) for t in leaves)


@pytest.mark.parametrize("level", [-90.0, -100.0])  # (z - mu) / sigma is within float32, and beyond
def test_a_row_out_of_reach_of_narrow_posteriors_has_no_gradient(place: str, level: float) -> None:
    z, mu, logvar = posteriors((), 10, 2)
    z[3] = 1e18
    logvar[:] = level
    leaves = [t.requires_grad_() for t in (z, mu, logvar)]
    joint_of("full", 10)[0](*leaves)[0][3].backward()
    assert all(bool((t.grad == 0).all()) for t in leaves)


# Two latents of the second level have the joint density 2^128 at their mean, where exp2 in float32 ends.
@pytest.mark.parametrize(("latents", "level"), [(7, -90.0), (2, -90.565)])
def test_padding_adds_nothing_where_posteriors_are_narrow(place: str, latents: int, level: float) -> None:
    """Means at 0, where the kernels' padding lies."""
    mu, logvar = torch.zeros(5, latents), torch.full((5, latents), level)
    z = math.exp(level / 2) * torch.randn(5, latents)
    assert_contract(*joint_of("mss", 5), z, mu, logvar)


# --- Sums that a running float32 total would lose --------------------------------------------------------------------


def test_gradients_of_a_column_over_many_equal_rows(place: str) -> None:
    z = torch.full((65_536, 1), 0.3)
    mu, logvar = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    joint_of("full", 1)[0](z, mu, logvar)[0].sum().backward()
    assert mu.grad.item() == pytest.approx(65_536 * 0.3, rel=1e-5)
    assert logvar.grad.item() == pytest.approx(65_536 * (0.09 - 1) / 2, rel=1e-5)


def test_a_thousand_equal_latents(place: str) -> None:
    inputs = torch.full((3, 1024), 0.3), torch.zeros(3, 1024), torch.full((3, 1024), -3.0)
    assert_contract(*joint_of("mss", 3), *inputs)


@pytest.mark.parametrize("first", [0.2, 0.5])
def test_a_total_over_a_million_equal_columns(place: str, first: float) -> None:
    """At 0.5 the first column has the largest exponent, and the others a weight that every addition rounds."""
    mu = torch.full((1_000_000, 1), 0.7)
    mu[0] = first
    z, logvar = torch.full((1, 1), 0.5), torch.zeros(1_000_000, 1)
    op, plain = joint_of("full", 1_000_000)
    want = plain(z.double(), mu.double(), logvar.double())[0]
    assert op(z, mu, logvar)[0].item() == pytest.approx(want.item(), abs=2e-6)


def test_more_tiles_of_columns_than_shares(place: str) -> None:
    """So many rows that the backward's shares of the columns take several tiles each."""
    z, mu, logvar = torch.randn(530_000, 1), torch.randn(700, 1), torch.randn(700, 1) - 2
    leaves = [t.requires_grad_() for t in (z, mu, logvar)]
    op, plain = joint_of("full", 700)
    op(*leaves)[0].sum().backward()
    some = z.detach()[::100_000].double().requires_grad_()
    plain(some, mu.double(), logvar.double())[0].sum().backward()
    torch.testing.assert_close(z.grad[::100_000].double(), some.grad, rtol=1e-4, atol=1e-5)
    # Moving every query and posterior together changes nothing.
    assert abs(z.grad.double().sum() + mu.grad.double().sum()) < 1e-4 * mu.grad.double().abs().sum()


# --- The contract of every op ----------------------------------------------------------------------------------------


def test_empty_inputs() -> None:
    mu, logvar = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)
    joint = joint_log_density(torch.empty(0, 3), mu, logvar, 1, 0)
    assert joint.shape == (0,)
    joint.sum().backward()
    assert bool((mu.grad == 0).all())
    none = torch.empty(0, 5, 3)
    assert joint_log_density(none, none, none, 9, 2).shape == (0, 5)


def test_vmap_is_a_loop_over_models() -> None:
    stacked = posteriors((3,), 11, 4)

    def loss(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return joint_log_density(z, mu, logvar, 50, 2).mean()

    def together(*t: Tensor) -> tuple[Tensor]:
        return (torch.func.vmap(loss)(*t),)

    def one_by_one(*t: Tensor) -> tuple[Tensor]:
        return (torch.stack([loss(*(x[k] for x in t)) for k in range(3)]),)

    torch.testing.assert_close(together(*stacked), one_by_one(*stacked))
    torch.testing.assert_close(gradients(together, stacked), gradients(one_by_one, stacked))


def test_same_bits_for_any_number_of_threads(isa: str) -> None:
    inputs = posteriors((2,), 300, 7)
    op = joint_of("mss", 300)[0]
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append([*op(*inputs), *gradients(op, inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


def test_double_backward_says_that_there_is_none() -> None:
    inputs = [t.requires_grad_() for t in posteriors((), 4, 2)]
    (grad,) = torch.autograd.grad(joint_of("mss", 4)[0](*inputs)[0].sum(), inputs[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="joint_log_density has no second derivative"):
        grad.sum().backward()


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "size", "estimator", "words"),
    [
        (((3, 2), (3, 2), (3, 1)), 9, 2, "mu and logvar of one shape"),
        (((3, 2), (3, 4), (3, 4)), 9, 2, "with the same leading axes and latents"),
        (((2, 3, 2), (3, 3, 2), (3, 3, 2)), 9, 2, "with the same leading axes and latents"),
        (((3, 2), (0, 2), (0, 2)), 9, 0, "at least one posterior"),
        (((3, 2), (3, 2), (3, 2)), 2, 2, "dataset_size to be at least the number of posteriors"),
        (((4, 2), (3, 2), (3, 2)), 9, 2, "as many rows of z as posteriors"),
        (((3, 2), (3, 2), (3, 2)), 9, 4, "an estimator from 0 to 3"),
    ],
)
def test_the_net_below_the_door(shapes: tuple, size: int, estimator: int, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        joint_log_density(*map(torch.zeros, shapes), size, estimator)


def test_a_backward_of_other_shapes_is_refused() -> None:
    z = torch.zeros(3, 2)
    with pytest.raises(RuntimeError, match="of the forward's shapes"):
        torch.ops.pyvae.joint_log_density_backward(torch.zeros(2), z, z, z, torch.zeros(3), torch.zeros(3), 9, 2)


def test_types_may_not_differ() -> None:
    z = torch.zeros(3, 2)
    with pytest.raises(RuntimeError, match="tensors of one dtype"):
        joint_log_density(z, z.double(), z.double(), 9, 2)
