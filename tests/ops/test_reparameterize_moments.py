"""reparameterize_moments of moments as they lie in memory; what every op promises is tested through catalogue.py."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from pyvae.ops.reparameterize_moments import Moments, reparameterize_moments
from tests.ops.contract import assert_bit_equal, cotangents_for

HALF = [torch.bfloat16, torch.float16]
DTYPES = [torch.float32, torch.float64, *HALF]
LEAST = {torch.float32: 2e-6, torch.float64: 1e-13, torch.bfloat16: 2**-8, torch.float16: 2**-10}
HEADS = Moments(1)


def sample(
    mean: Tensor, spread: Tensor | None, how: Moments, seed: int | Tensor = 3, *, rounded: bool = True
) -> tuple[Tensor, Tensor]:
    return reparameterize_moments(mean, spread, torch.as_tensor(seed), how, rounded=rounded)


def heads(*shape: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return [torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype) - 1]


def packed(shape: tuple[int, ...], axis: int, spreads: int | None = None) -> tuple[Tensor, Moments]:
    """Of means of this shape, each with a spread or with one for all along the axis."""
    sizes = list(shape)
    sizes[axis] += shape[axis] if spreads is None else spreads
    return torch.randn(sizes), Moments(1, axis=axis, channels=shape[axis])


def results(mean: Tensor, spread: Tensor | None, how: Moments, cotangents: list[Tensor] | None = None) -> list[Tensor]:
    """z, the KL, and the gradients of what there is."""
    leaves = [t.detach().requires_grad_() for t in (mean, spread) if t is not None]
    outputs = sample(*leaves, *[None] * (2 - len(leaves)), how)
    given = cotangents_for(outputs) if cotangents is None else cotangents
    return [*(t.detach() for t in outputs), *torch.autograd.grad(outputs, leaves, given)]


def assert_matches(mean: Tensor, spread: Tensor | None, how: Moments) -> None:
    """Values and gradients those of float64 on the same moments, rounded."""
    z, kl, *grads = results(mean, spread, how)
    wide = torch.float64 if mean.dtype == torch.float64 else torch.float32
    eps = pyvae.reparameterize(*(torch.zeros(z.shape, dtype=wide),) * 2, seed=3).double()
    leaves = [t.double().requires_grad_() for t in (mean, spread) if t is not None]
    exact = reference.reparameterize_moments(*leaves, *[None] * (2 - len(leaves)), eps, **asdict(how))
    cotangents = [t.double() for t in cotangents_for((z, kl))]
    wanted = [*exact, *torch.autograd.grad(exact, leaves, cotangents)]
    assert [t.dtype for t in (z, kl, *grads)] == [mean.dtype, wide, *[mean.dtype] * len(grads)]
    for got, want in zip((z, kl, *grads), wanted, strict=True):
        least = LEAST[got.dtype]
        atol = least * max(1.0, float(want.detach().abs().max()))
        torch.testing.assert_close(got.double(), want.detach(), rtol=least, atol=atol)


# --- Values and gradients ---------------------------------------------------------------------------------------------

READINGS = [{}, {"scale": 2.0, "low": -1.5, "high": 0.5}]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row_axes", range(4))
def test_matches_reference(isa: str, row_axes: int, dtype: torch.dtype) -> None:
    """Two heads, and moments packed along any axis, before, at and after those of the rows."""
    for reading, axis in itertools.product(READINGS, range(3)):
        how = Moments(row_axes, **reading)
        assert_matches(*heads(3, 4, 70, dtype=dtype), how)
        for spreads in (None, 1):
            moments, of = packed((3, 4, 70), axis, spreads)
            assert_matches(moments.to(dtype), None, replace(how, axis=of.axis, channels=of.channels))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("latents", [1, 63, 1023, 1024, 1025, 16383, 16384, 16385, 32768, 40001])
def test_rows_shorter_and_longer_than_a_piece(isa: str, latents: int, dtype: torch.dtype) -> None:
    assert_matches(*heads(3, latents, dtype=dtype), HEADS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("inner", [1, 2, 9, 511, 512, 513, 1023, 1024, 1025, 2049])
@pytest.mark.parametrize("channels", [1, 3, 130])
def test_one_spread_for_all_channels_has_the_sum_of_their_gradients(
    isa: str, channels: int, inner: int, dtype: torch.dtype
) -> None:
    moments, how = packed((2, channels, inner), 1, 1)
    assert_matches(moments.to(dtype), None, how)
    mean, spread = moments.to(dtype).split([channels, 1], 1)
    apart = results(mean, spread.expand(mean.shape), how)
    together = results(moments.to(dtype), None, how)
    assert_bit_equal(together[0], apart[0])
    assert_bit_equal(together[1], apart[1])
    assert_bit_equal(together[2][:, :channels], apart[2])


def test_a_scalar_and_rows_of_one_latent() -> None:
    for row_axes, shape in [(0, ()), (2, (3, 5)), (0, (3, 5))]:
        assert_matches(*heads(*shape), Moments(row_axes))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 3), (33, 129), (2, 1025), (700, 1), (2, 40000)], ids=str)
def test_gives_the_bits_of_the_two_ops_on_widened_heads(isa: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    moments = heads(*shape, dtype=dtype)
    wide = [t.to(torch.float64 if dtype == torch.float64 else torch.float32) for t in moments]
    z, kl = sample(*moments, HEADS)
    assert_bit_equal(z, pyvae.reparameterize(*wide, seed=3).to(dtype))
    if shape[1] <= 16384:
        assert_bit_equal(kl, pyvae.gaussian_kl(*wide))
    assert_bit_equal(sample(*moments, HEADS, rounded=False)[0], pyvae.reparameterize(*wide, seed=3))


@pytest.mark.parametrize("seed_shape", [(), (3,), (3, 5), (3, 5, 7)], ids=str)
def test_streams_are_those_of_reparameterize(seed_shape: tuple[int, ...]) -> None:
    seed = torch.randint(-(2**62), 2**62, seed_shape)
    for axis in range(3):
        moments, how = packed((3, 5, 7), axis)
        z, _ = sample(moments, None, how, seed)
        assert_bit_equal(z, pyvae.reparameterize(*moments.chunk(2, axis), seed=seed))


# --- How they lie in memory -------------------------------------------------------------------------------------------


def layouts(t: Tensor) -> Iterator[Tensor]:
    """The same numbers: from an odd place, with a step, transposed, channels last, and where no two axes are one."""
    yield torch.cat([t.new_zeros(1), t.flatten()])[1:].view(t.shape)
    yield t.repeat_interleave(3, -1)[..., 1::3]
    yield t.transpose(0, -1).contiguous().transpose(0, -1)
    yield t.movedim(1, -1).contiguous().movedim(-1, 1)
    spaced = t.new_zeros([2 * size for size in t.shape])[tuple(slice(None, None, 2) for _ in t.shape)]
    yield spaced.copy_(t)
    # As few axes as kernels take before one of them is cut in three.
    spaced = t.new_zeros([2 * size for size in t.shape[:-3]] + list(t.shape[-3:]))
    yield spaced[tuple(slice(None, None, 2) for _ in t.shape[:-3])].copy_(t)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 2, 2, 3, 4, 5), (2, 3, 2, 1, 3, 2, 4, 2)], ids=str)
def test_any_layout_gives_the_bits_of_the_contiguous_one(isa: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    for axis, spreads in [(1, None), (len(shape) - 2, 1), (len(shape) - 1, None), (0, 1), (None, None)]:
        mean, spread, how = *heads(*shape), HEADS
        if axis is not None:
            (mean, how), spread = packed(shape, axis, spreads), None
        mean, spread = mean.to(dtype), spread if spread is None else spread.to(dtype)
        z, kl, *grads = results(mean, spread, how)
        grad_z, grad_kl = cotangents_for((z, kl))
        others = zip(*(layouts(t) for t in (mean, mean if spread is None else spread, grad_z)), strict=True)
        for other, other_spread, other_grad in others:
            assert torch.equal(other, mean) and torch.equal(other_grad, grad_z)
            got = results(other, spread if spread is None else other_spread, how, [other_grad, grad_kl])
            for a, b in zip(got, (z, kl, *grads), strict=True):
                assert_bit_equal(a, b)


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_expanded_moments_and_cotangents(dtype: torch.dtype, axis: int) -> None:
    shape = (3, 4, 5, 70)
    for along in (None, *(k for k in range(4) if k != axis)):
        moments, how = packed(shape, axis, 1)
        if along is not None:
            moments = moments.narrow(along, 0, 1).expand(moments.shape)
        moments = moments.to(dtype)
        expanded = [torch.tensor(0.7, dtype=dtype).expand(shape), torch.tensor(0.3).expand(shape[:1])]
        want = results(moments.contiguous(), None, how, [t.contiguous() for t in expanded])
        for a, b in zip(results(moments, None, how, expanded), want, strict=True):
            assert_bit_equal(a, b)


def test_the_number_of_threads_changes_no_bit() -> None:
    """Of few long rows, of many short ones, and of a spread that serves many channels."""
    before = torch.get_num_threads()
    moments = [packed((2, 3, 40_000), 1), packed((5003, 7), 1), packed((3, 129, 1500), 1, 1), packed((9001, 3), 1, 1)]
    try:
        torch.set_num_threads(1)
        alone = [results(t.bfloat16(), None, how) for t, how in moments]
        for count in (2, 3, 7):
            torch.set_num_threads(count)
            for (t, how), want in zip(moments, alone, strict=True):
                for a, b in zip(results(t.bfloat16(), None, how), want, strict=True):
                    assert_bit_equal(a, b)
    finally:
        torch.set_num_threads(before)


# --- Half types -------------------------------------------------------------------------------------------------------

TINY = torch.finfo(torch.float32).tiny


def flushed(x: Tensor) -> Tensor:
    """As CPU kernels take it: subnormal numbers are zero."""
    return torch.where(x.abs() < TINY, 0.0, x)


def all_of(dtype: torch.dtype) -> Tensor:
    return torch.arange(-(2**15), 2**15).short().view(dtype)


@pytest.mark.parametrize("dtype", HALF)
def test_every_half_is_widened_as_torch_does(isa: str, dtype: torch.dtype) -> None:
    """The sample of no variance is the mean."""
    mean = all_of(dtype)
    z, _ = sample(mean, torch.full_like(mean, -math.inf), Moments(0), rounded=False)
    assert_bit_equal(z, flushed(mean.float()))
    z, _ = sample(mean, torch.full_like(mean, -math.inf), Moments(0))
    assert_bit_equal(z, flushed(mean.float()).to(dtype))


def awkward(dtype: torch.dtype) -> Tensor:
    """Any bits, and every tie with its neighbours; infinities, NaN and subnormal numbers among them."""
    halves = all_of(dtype)
    low, high = halves.double(), torch.nextafter(halves, torch.full_like(halves, math.inf)).double()
    ties = ((low + high) / 2).float()
    beside = [torch.nextafter(ties, torch.full_like(ties, end)) for end in (-math.inf, math.inf)]
    bits = torch.randint(-(2**31), 2**31, (300_000,)).int().view(torch.float32)
    largest = torch.tensor([torch.finfo(dtype).max * (1 + k * torch.finfo(dtype).eps / 8) for k in range(9)])
    nans = torch.tensor([0x7F800001, 0x7FFFFFFF, -1]).int().view(torch.float32)
    return torch.cat([ties, *beside, bits, largest, -largest, nans])


@pytest.mark.parametrize("dtype", HALF)
def test_results_are_rounded_as_torch_does(isa: str, dtype: torch.dtype) -> None:
    """The mean's gradient is what comes to z, where nothing comes to the KL."""
    x = awkward(dtype)
    mean, spread = torch.zeros(x.shape, dtype=dtype, requires_grad=True), torch.zeros(x.shape, dtype=dtype)
    z, _ = sample(mean, spread, Moments(0), rounded=False)
    (grad,) = torch.autograd.grad(z, mean, x)
    assert_bit_equal(grad, flushed(x).to(dtype))
    # Samples, from the smallest half to infinity.
    mean, spread = torch.randn(100_003).to(dtype), (torch.rand(100_003) * 80 - 50).to(dtype)
    for centre in (mean, torch.zeros_like(mean)):
        exact, _ = sample(centre, spread, Moments(0), rounded=False)
        assert_bit_equal(sample(centre, spread, Moments(0))[0], exact.to(dtype))


# --- Clamps and what is no number -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_clamp_stops_values_and_gradients(isa: str, dtype: torch.dtype) -> None:
    """Not at the bounds themselves, and as torch.clamp does, but that a NaN's gradient is one."""
    spread = torch.tensor([-math.inf, -40.0, -1.0, 0.25, 2.0, 40.0, math.inf, math.nan], dtype=dtype)
    mean = torch.zeros_like(spread)
    z, kl, of_mean, of_spread = results(mean, spread, Moments(1, scale=2.0, low=-1.0, high=2.0))
    for got, want in zip((z, kl), sample(mean, 2 * spread.clamp(-1, 2), HEADS), strict=True):
        assert_bit_equal(got, want)
    assert (of_spread == 0).tolist() == [True, True, False, False, False, True, True, False]
    assert of_spread.isnan().tolist() == z.isnan().tolist() == kl.isnan().tolist() == [False] * 7 + [True]
    assert of_mean.isfinite().all()


def test_a_nan_stays_in_its_row() -> None:
    moments, how = packed((3, 2, 5), 1, 1)
    clean = results(moments, None, how)
    moments[1, 2, 3] = math.nan  # the spread of two means
    z, kl, grad = results(moments, None, how)
    assert z.isnan().nonzero().tolist() == [[1, 0, 3], [1, 1, 3]]
    assert kl.isnan().tolist() == [False, True, False]
    assert grad.isnan().nonzero().tolist() == [[1, 2, 3]]
    for a, b in zip((z, kl, grad), clean, strict=True):
        assert_bit_equal(a[~a.isnan()], b[~a.isnan()])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4)], ids=str)
def test_empty_moments(shape: tuple[int, ...]) -> None:
    z, kl, *grads = results(*heads(*shape), HEADS)
    assert z.shape == shape and kl.shape == shape[:1] and bool((kl == 0).all())
    assert [g.shape for g in grads] == [shape] * 2
    z, kl, grad = results(torch.randn(shape), None, Moments(1, axis=0, channels=(shape[0] + 1) // 2))
    assert z.shape == ((shape[0] + 1) // 2, *shape[1:]) and kl.shape == z.shape[:1] and grad.shape == shape


def test_a_spread_of_no_means_has_no_gradient() -> None:
    z, kl, grad = results(torch.randn(3, 1, 5), None, Moments(1, axis=1, channels=0))
    assert z.shape == (3, 0, 5) and bool((kl == 0).all()) and bool((grad == 0).all())


# --- Transforms and refusals ------------------------------------------------------------------------------------------


def losses(mean: Tensor, spread: Tensor | None, how: Moments) -> Tensor:
    z, kl = sample(mean, spread, how)
    return z.square().sum() + kl.sum()


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_vmap_is_a_loop_over_models(dim: int) -> None:
    seeds = torch.arange(3)
    for spreads, dtype in itertools.product((None, 1), (torch.float32, torch.bfloat16)):
        moments, how = packed((4, 2, 5), 1, spreads)
        models = torch.stack([moments, moments + 1, moments - 1], dim).to(dtype)
        apart = models.unbind(dim)
        together = torch.func.vmap(lambda t, s, how=how: sample(t, None, how, s), in_dims=(dim, 0))(models, seeds)
        for k in range(3):
            for a, b in zip(together, sample(apart[k], None, how, k), strict=True):
                assert_bit_equal(a[k], b)
        per_model = torch.func.vmap(torch.func.grad(lambda t, how=how: losses(t, None, how)), in_dims=dim)(models)
        for got, t in zip(per_model, apart, strict=True):
            leaf = t.clone().requires_grad_()
            assert_bit_equal(got, torch.autograd.grad(losses(leaf, None, how), leaf)[0])


def test_vmap_of_one_head_alone() -> None:
    mean, spread = heads(4, 5)
    means = torch.stack([mean, 2 * mean])
    of_both = torch.func.vmap(torch.func.grad(losses, (0, 1)), in_dims=(0, None, None))(means, spread, HEADS)
    for k in range(2):
        leaves = [t.clone().requires_grad_() for t in (means[k], spread)]
        for got, want in zip(of_both, torch.autograd.grad(losses(*leaves, HEADS), leaves), strict=True):
            assert_bit_equal(got[k], want)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_in_one_graph(dynamic: bool) -> None:
    def program(moments: Tensor) -> tuple[Tensor, Tensor]:
        return sample(moments, None, Moments(1, 2.0, -3.0, 2.0, 1, moments.shape[1] // 2))

    compiled = torch.compile(program, fullgraph=True, dynamic=dynamic)
    for shape in [(6, 8, 5), (4, 6, 5)] if dynamic else [(6, 8, 5)]:
        moments = torch.randn(shape).bfloat16().requires_grad_()
        got, want = compiled(moments), program(moments)
        torch.testing.assert_close(got, want)
        grads = [torch.autograd.grad(outputs, moments, cotangents_for(outputs))[0] for outputs in (got, want)]
        torch.testing.assert_close(*grads)


def test_there_is_no_second_derivative() -> None:
    mean, spread = (t.requires_grad_() for t in heads(3, 2))
    (grad,) = torch.autograd.grad(sample(mean, spread, HEADS)[1].sum(), mean, create_graph=True)
    with pytest.raises(RuntimeError, match="reparameterize_moments has no second derivative"):
        grad.sum().backward()


MOMENTS = torch.zeros(3, 4)


@pytest.mark.parametrize(
    ("mean", "spread", "how", "seed", "message"),
    [
        (MOMENTS, MOMENTS.double(), HEADS, 3, "expected mean and spread of one dtype"),
        (MOMENTS, MOMENTS[:2], HEADS, 3, "expected mean and spread of one shape"),
        (MOMENTS.int(), MOMENTS.int(), HEADS, 3, "expected floating tensors"),
        (MOMENTS, None, Moments(1, axis=2, channels=2), 3, "expected an axis of the moments"),
        (MOMENTS, None, Moments(1, axis=-1, channels=2), 3, "expected an axis of the moments"),
        (MOMENTS, None, Moments(1, axis=1, channels=1), 3, "expected a spread or one for all means"),
        (MOMENTS, None, Moments(1, axis=1, channels=-4), 3, "expected a spread or one for all means"),
        (MOMENTS, None, Moments(3, axis=1, channels=2), 3, "expected row axes of the moments"),
        (MOMENTS, MOMENTS, Moments(-1), 3, "expected row axes of the moments"),
        (MOMENTS, MOMENTS, HEADS, torch.zeros(4, dtype=torch.int64), "expected a seed whose shape is a prefix"),
        (MOMENTS, MOMENTS, HEADS, torch.zeros(3), "expected an int64 seed"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    mean: Tensor, spread: Tensor | None, how: Moments, seed: int | Tensor, message: str
) -> None:
    with pytest.raises(RuntimeError, match=message):
        sample(mean, spread, how, seed)


@pytest.mark.parametrize(
    ("grad_z", "grad_kl", "message"),
    [
        (torch.zeros(4, 3), torch.zeros(3), "expected grad_z of z's shape"),
        (MOMENTS.double(), torch.zeros(3), "expected grad_z of z's dtype"),
        (MOMENTS, torch.zeros(4), "expected one element of grad_kl for each row"),
        (MOMENTS, torch.zeros(3).double(), "expected one element of grad_kl for each row"),
    ],
)
def test_cotangents_that_do_not_fit_are_one_sentence(grad_z: Tensor, grad_kl: Tensor, message: str) -> None:
    backward = torch.ops.pyvae.reparameterize_moments_backward
    with pytest.raises(RuntimeError, match=message):
        backward(grad_z, grad_kl, MOMENTS, MOMENTS, torch.tensor(3), -1, 0, 1, 1.0, -math.inf, math.inf)
