"""reparameterize: its noise, its streams, its gradients, its contract."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_bit_equal, gradients, layouts

SHAPES = [(1,), (3,), (4,), (5,), (255,), (256,), (257,), (1025,), (3, 7), (2, 3, 131), ()]


def noise(shape: tuple[int, ...], seed: int | Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    zeros = torch.zeros(shape, dtype=dtype)
    return pyvae.reparameterize(zeros, zeros, seed=seed)


def normals_from_philox(seed: int, count: int) -> np.ndarray:
    """Box and Muller in float64 on the bits of pyvae._C.philox: numerics.md, section 5, written out."""
    _C = pytest.importorskip("pyvae._C")  # a wheel has none

    values = []
    for counter in range(math.ceil(count / 4)):
        bits = _C.philox(seed % 2**64, counter)
        for radius_bits, angle_bits in ((bits[0], bits[1]), (bits[2], bits[3])):
            radius = math.sqrt(-2 * math.log((radius_bits + 0.5) / 2**32))
            angle = 2 * math.pi * angle_bits / 2**32
            values += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.array(values[:count])


def test_philox_known_answers() -> None:
    _C = pytest.importorskip("pyvae._C")  # a wheel has none

    assert _C.philox(0, 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)  # Random123


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_noise_is_box_muller_of_philox(place: str, seed: int) -> None:
    want = normals_from_philox(seed, 1003)
    got = noise((1003,), seed).double().numpy()
    assert np.abs(got - want).max() < 1e-6
    # Relative accuracy where it can be had: away from the zeros of sine and cosine.
    large = np.abs(want) > 1e-3
    assert (np.abs(got - want)[large] / np.abs(want)[large]).max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_is_standard_normal(dtype: torch.dtype) -> None:
    eps = noise((1_000_003,), 5, dtype).double()
    standard_error = 1e-3
    assert abs(eps.mean()) < 5 * standard_error
    assert abs(eps.var() - 1) < 5 * standard_error * math.sqrt(2)
    assert abs((eps**3).mean()) < 5 * standard_error * math.sqrt(15)
    assert abs((eps**4).mean() - 3) < 5 * standard_error * math.sqrt(96)
    assert abs((eps[:-1] * eps[1:]).mean()) < 5 * standard_error
    grid = torch.linspace(-4, 4, 33, dtype=torch.float64)
    empirical = torch.searchsorted(eps.sort().values, grid) / eps.numel()
    assert (empirical - torch.special.ndtr(grid)).abs().max() < 2.5e-3  # Kolmogorov-Smirnov at about 1e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference_with_the_same_noise(place: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    mu, logvar = torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype)
    eps = noise(shape, 11, dtype)

    def op(mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        return (pyvae.reparameterize(mu, logvar, seed=11),)

    def plain(mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        return (reference.reparameterize(mu, logvar, eps.to(mu.dtype)),)

    exact = (mu.double(), logvar.double())
    tolerance = {"rtol": 1e-6, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-14, "atol": 1e-14}
    torch.testing.assert_close(op(mu, logvar)[0].double(), plain(*exact)[0], **tolerance)
    for got, want in zip(gradients(op, (mu, logvar)), gradients(plain, exact), strict=True):
        torch.testing.assert_close(got.double(), want, **tolerance)


def test_a_stacked_model_draws_what_it_draws_alone(place: str) -> None:
    mu, logvar = torch.randn(3, 5, 7), torch.randn(3, 5, 7)
    seeds = torch.tensor([4, -9, 4])
    stacked = pyvae.reparameterize(mu, logvar, seed=seeds)
    for k in range(3):
        assert_bit_equal(stacked[k], pyvae.reparameterize(mu[k], logvar[k], seed=int(seeds[k])))
    per_sample = pyvae.reparameterize(mu, logvar, seed=torch.arange(15).view(3, 5))
    assert_bit_equal(per_sample[2, 1], pyvae.reparameterize(mu[2, 1], logvar[2, 1], seed=11))


def test_the_first_elements_do_not_depend_on_the_length() -> None:
    assert_bit_equal(noise((1000,), 3)[:77], noise((77,), 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("length", [1, 3, 10, 257, 1025])
def test_streams_shorter_and_longer_than_a_piece(place: str, length: int, dtype: torch.dtype) -> None:
    seeds = torch.randint(-(2**62), 2**62, (300,))
    together = noise((300, length), seeds, dtype)
    for k in (0, 1, 7, 102, 103, 255, 299):
        assert_bit_equal(together[k], noise((length,), int(seeds[k]), dtype))


def test_default_seed_follows_torch() -> None:
    mu, logvar = torch.zeros(10), torch.zeros(10)
    torch.manual_seed(1)
    first, second = pyvae.reparameterize(mu, logvar), pyvae.reparameterize(mu, logvar)
    torch.manual_seed(1)
    assert_bit_equal(first, pyvae.reparameterize(mu, logvar))
    assert not torch.equal(first, second)
    one, two = (torch.Generator().manual_seed(8) for _ in range(2))
    assert_bit_equal(pyvae.reparameterize(mu, logvar, generator=one), pyvae.reparameterize(mu, logvar, generator=two))


def test_same_bits_for_any_number_of_threads() -> None:
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 16):
            torch.set_num_threads(threads)
            results.append(noise((300, 1001), torch.arange(300)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert_bit_equal(results[0], other)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_round_once(dtype: torch.dtype) -> None:
    mu, logvar = torch.randn(100).to(dtype), torch.randn(100).to(dtype)
    want = pyvae.reparameterize(mu.float(), logvar.float(), seed=2).to(dtype)
    assert_bit_equal(pyvae.reparameterize(mu, logvar, seed=2), want)
    assert all(g.dtype == dtype for g in gradients(lambda *t: (pyvae.reparameterize(*t, seed=2),), (mu, logvar)))


def test_autocast_gives_float32() -> None:
    mu, logvar = torch.randn(10).bfloat16(), torch.randn(10)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = pyvae.reparameterize(mu, logvar, seed=2)
    assert_bit_equal(z, pyvae.reparameterize(mu.float(), logvar, seed=2))


def test_meta_tensors_give_shapes() -> None:
    meta = torch.empty(3, 4, device="meta")
    assert pyvae.reparameterize(meta, meta, seed=1).shape == (3, 4)
    assert pyvae.gaussian_kl(meta, meta).shape == (3,)
    assert pyvae.minibatch_log_density(meta, meta, meta, estimator="full").marginals.shape == (3, 4)


def test_layouts_and_broadcasting() -> None:
    mu, logvar = torch.randn(6, 9), torch.randn(6, 9)
    want = pyvae.reparameterize(mu, logvar, seed=1)
    for name in layouts(mu):
        assert_bit_equal(pyvae.reparameterize(layouts(mu)[name], layouts(logvar)[name], seed=1), want)
    wide = pyvae.reparameterize(mu[:1], logvar, seed=1)
    assert_bit_equal(wide, pyvae.reparameterize(mu[:1].expand(6, 9).contiguous(), logvar, seed=1))


def test_empty() -> None:
    assert pyvae.reparameterize(torch.empty(0, 3), torch.empty(0, 3)).shape == (0, 3)
    assert pyvae.reparameterize(torch.empty(2, 0), torch.empty(2, 0), seed=torch.arange(2)).shape == (2, 0)


@pytest.mark.parametrize("shape", [(3,), (2, 5), ()], ids=str)
def test_gradcheck_and_opcheck(shape: tuple[int, ...]) -> None:
    mu, logvar = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda *t: pyvae.reparameterize(*t, seed=3), (mu, logvar), nondet_tol=0)
    torch.library.opcheck(torch.ops.pyvae.reparameterize.default, (mu, logvar, torch.tensor(3)))


def test_compiles_in_one_graph() -> None:
    compiled = torch.compile(lambda mu, logvar: pyvae.reparameterize(mu, logvar, seed=5), fullgraph=True)
    mu, logvar = torch.randn(7, 3), torch.randn(7, 3)
    assert_bit_equal(compiled(mu, logvar), pyvae.reparameterize(mu, logvar, seed=5))
    drawn = torch.compile(pyvae.reparameterize, fullgraph=True)(mu, logvar)
    assert drawn.isfinite().all()


def test_vmap_randomness() -> None:
    mu, logvar = torch.zeros(3, 4), torch.zeros(3, 4)
    same = torch.vmap(pyvae.reparameterize, randomness="same")(mu, logvar)
    assert_bit_equal(same[0], same[1])
    different = torch.vmap(pyvae.reparameterize, randomness="different")(mu, logvar)
    assert not torch.equal(different[0], different[1])
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(pyvae.reparameterize)(mu, logvar)
    seeded = torch.vmap(lambda m, v, s: pyvae.reparameterize(m, v, seed=s))(mu, logvar, torch.arange(3))
    assert_bit_equal(seeded, pyvae.reparameterize(mu, logvar, seed=torch.arange(3)))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"seed": 1.5}, TypeError, "seed must be an int or an int64 tensor, got float"),
        ({"seed": True}, TypeError, "seed must be an int or an int64 tensor, got bool"),
        ({"seed": 2**63}, ValueError, "seed must fit in 64 bits"),
        ({"seed": torch.zeros(3)}, TypeError, "seed must be an int or an int64 tensor, got a float32 tensor"),
        ({"seed": torch.zeros(3, dtype=torch.int64)}, ValueError, "seed must have a shape that is a prefix of mu's"),
        ({"seed": 1, "generator": torch.Generator()}, ValueError, "generator must be None when a seed is given"),
        (
            {"generator": [torch.Generator(), torch.Generator()]},
            TypeError,
            r"generator must be a torch.Generator or None, got list: .* pass a seed tensor of their shape",
        ),
        ({"generator": 3}, TypeError, "generator must be a torch.Generator or None, got int"),
        ({"seed": 1, "generator": [torch.Generator()]}, TypeError, "generator must be a torch.Generator or None"),
        ({"logvar": torch.zeros(3, 3)}, ValueError, "mu and logvar must have shapes that broadcast"),
        ({"logvar": torch.zeros(2, 4).double()}, TypeError, "logvar must have the dtype of mu"),
    ],
)
def test_errors_name_the_argument(arguments: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        pyvae.reparameterize(**({"mu": torch.zeros(2, 4), "logvar": torch.zeros(2, 4)} | arguments))


def test_numpy_integers_are_integers() -> None:
    mu = torch.zeros(4)
    assert_bit_equal(pyvae.reparameterize(mu, mu, seed=np.int64(5)), pyvae.reparameterize(mu, mu, seed=5))
    posteriors = torch.randn(3, 2), torch.zeros(3, 2)
    parts = pyvae.minibatch_log_density(posteriors[0], *posteriors, dataset_size=np.int64(60))
    assert_bit_equal(parts.joint, pyvae.minibatch_log_density(posteriors[0], *posteriors, dataset_size=60).joint)
