"""The ops of single rows and elements on DTensors: what processes make of parts is what one makes of the whole.

Two real processes go through all of CHECKS, once; refusals need one process that is all of a group.
"""

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard, distribute_tensor

import pyvae
from tests.ops.catalogue import USES
from tests.two_processes import in_two_processes

# Those of a posterior alone or with a prior; there are others of its moments, which DTensors do not reach.
OF_ROWS = [op for op in USES if op.arguments[0] == "mu" and "moments" not in op.name]
B, D = 5, 3  # neither is a multiple of two processes
BATCH, LATENTS, COPIES = Shard(0), Shard(1), Replicate()


def leaves(*tensors: Tensor) -> list[Tensor]:
    return [tensor.detach().clone().requires_grad_() for tensor in tensors]


def spread(tensors: list[Tensor], mesh: DeviceMesh, *placements: Placement) -> list[DTensor]:
    return [distribute_tensor(tensor.detach(), mesh, placements).requires_grad_() for tensor in tensors]


def assert_same(
    results: tuple[Tensor, ...], wanted: tuple[Tensor, ...], parts: list[DTensor], whole: list[Tensor]
) -> None:
    """Values, and gradients for the cotangents that a mean of squares gives."""
    losses = [sum(x.square().mean() for x in some if x.numel()) for some in (results, wanted)]
    for got, want in zip(results, wanted, strict=True):
        assert isinstance(got, DTensor) and got.shape == want.shape and got.dtype == want.dtype
        torch.testing.assert_close(got.full_tensor(), want)
    gradients = [torch.autograd.grad(loss, inputs) for loss, inputs in zip(losses, (parts, whole), strict=True)]
    for got, want in zip(*gradients, strict=True):
        torch.testing.assert_close(got.full_tensor(), want, rtol=1e-5, atol=1e-7)


# --- In two processes -------------------------------------------------------------------------------------------------


def every_op_is_what_it_is_of_the_whole(mesh: DeviceMesh) -> None:
    for op in OF_ROWS:
        for placement in (BATCH, COPIES, LATENTS):
            whole = leaves(*op.inputs(B, D))
            parts = spread(whole, mesh, placement)
            assert_same(op.function(*parts), op.function(*whole), parts, whole)


def results_and_gradients_have_the_placements_of_inputs(mesh: DeviceMesh) -> None:
    for placement in (BATCH, COPIES):
        mu, logvar = spread([torch.randn(B, D), torch.randn(B, D)], mesh, placement)
        for op in OF_ROWS:
            if len(op.arguments) == 2 and not op.name.endswith(("sum", "batchmean")):
                results = op.function(mu, logvar)
                gradients = torch.autograd.grad(results, (mu, logvar), [torch.ones_like(x) for x in results])
                assert all(x.placements == (placement,) for x in (*results, *gradients)), op.name
    mu, logvar = spread([torch.randn(B, D), torch.randn(B, D)], mesh, LATENTS)
    assert pyvae.gaussian_kl(mu, logvar).placements == (Partial(),)
    assert pyvae.gaussian_kl(mu, logvar, reduction="none").placements == (LATENTS,)


def nothing_is_sent(mesh: DeviceMesh) -> None:
    from torch.distributed.tensor.debug import CommDebugMode

    for placement in (BATCH, COPIES, LATENTS):
        mu, logvar = spread([torch.randn(B, D), torch.randn(B, D)], mesh, placement)
        with CommDebugMode() as sent:
            z = pyvae.reparameterize(mu, logvar, seed=3)
            kl = pyvae.gaussian_kl(mu, logvar)
            torch.autograd.backward([z, kl], [torch.ones_like(z), torch.ones_like(kl)])
        assert sent.get_total_counts() == 0


def noise_is_that_of_the_whole_to_the_bit(mesh: DeviceMesh) -> None:
    """One stream, one for each row, one for each element, and of stacked models in several ways."""
    for shape in ((B, D), (3, B, D), (1, 130, 70)):
        mu, logvar = torch.randn(shape), torch.randn(shape)
        for axes in range(len(shape) + 1):
            seed = torch.randint(-(2**63), 2**63 - 1, shape[:axes])
            want = pyvae.reparameterize(mu, logvar, seed=seed)
            for axis in range(len(shape)):
                parts = spread([mu, logvar], mesh, Shard(axis))
                assert torch.equal(pyvae.reparameterize(*parts, seed=seed).full_tensor(), want)
    parts = spread([mu, logvar], mesh, Shard(1))
    seed = torch.randint(0, 2**62, shape[:2])
    want = pyvae.reparameterize(mu, logvar, seed=seed)
    spread_seed = distribute_tensor(seed, mesh, [Shard(1)])
    assert torch.equal(pyvae.reparameterize(*parts, seed=spread_seed).full_tensor(), want)


def without_a_seed_the_first_process_draws_one_for_all(mesh: DeviceMesh) -> None:
    mu, logvar = torch.zeros(B, D), torch.zeros(B, D)
    torch.manual_seed(5)
    want = pyvae.reparameterize(mu, logvar)
    for placement in (COPIES, BATCH):
        torch.manual_seed(5 + mesh.get_rank())  # processes that do not agree
        parts = spread([mu, logvar], mesh, placement)
        torch.manual_seed(5 + mesh.get_rank())  # distributing drew nothing, or did
        z = pyvae.reparameterize(*parts)
        assert torch.equal(z.to_local(), distribute_tensor(want, mesh, [placement]).to_local())
        assert not torch.equal(pyvae.reparameterize(*parts).full_tensor(), want)


def inputs_that_broadcast_get_their_sums(mesh: DeviceMesh) -> None:
    for shape, placement in (((D,), COPIES), ((1, D), COPIES), ((B, 1), BATCH), ((B, 1), COPIES), ((1, 1), BATCH)):
        whole = leaves(torch.randn(B, D), torch.randn(B, D), torch.randn(shape), torch.randn(shape))
        parts = [*spread(whole[:2], mesh, BATCH), *spread(whole[2:], mesh, placement)]
        for reduction in ("none", "latent", "batchmean"):
            got = pyvae.gaussian_kl(*parts, reduction=reduction)
            assert_same((got,), (pyvae.gaussian_kl(*whole, reduction=reduction),), parts, whole)
        pair, pair_parts = [whole[0], whole[3]], [parts[0], parts[3]]
        got = pyvae.reparameterize(*pair_parts, seed=4)
        assert_same((got,), (pyvae.reparameterize(*pair, seed=4),), pair_parts, pair)


def placements_that_differ_or_are_partial_are_made_one(mesh: DeviceMesh) -> None:
    whole = leaves(torch.randn(B, D), torch.randn(B, D))
    for placements in ((BATCH, LATENTS), (COPIES, BATCH), (LATENTS, COPIES)):
        parts = [spread([x], mesh, place)[0] for x, place in zip(whole, placements, strict=True)]
        assert_same(
            (pyvae.reparameterize(*parts, seed=4), pyvae.gaussian_kl(*parts)),
            (pyvae.reparameterize(*whole, seed=4), pyvae.gaussian_kl(*whole)),
            parts,
            whole,
        )
    halves = [DTensor.from_local(x.detach() / 2, mesh, [Partial()]).requires_grad_() for x in whole]
    want = pyvae.gaussian_kl(*whole)
    assert pyvae.gaussian_kl(*halves).placements == (COPIES,)
    torch.testing.assert_close(pyvae.gaussian_kl(*halves).full_tensor(), want)
    gradients = [torch.autograd.grad(kl.sum(), x) for kl, x in ((pyvae.gaussian_kl(*halves), halves), (want, whole))]
    for got, gradient in zip(*gradients, strict=True):
        torch.testing.assert_close(got.full_tensor(), gradient)


def meshes_of_two_axes_and_few_rows_serve(mesh: DeviceMesh) -> None:
    for shape in ((2, 1), (1, 2)):
        square = dist.init_device_mesh("cpu", shape)
        for placements in ((BATCH, LATENTS), (BATCH, BATCH), (COPIES, BATCH)):
            for rows in (B, 1, 0):
                whole = leaves(torch.randn(rows, D), torch.randn(rows, D))
                parts = spread(whole, square, *placements)
                for got, want in (
                    (pyvae.reparameterize(*parts, seed=4), pyvae.reparameterize(*whole, seed=4)),
                    (pyvae.gaussian_kl(*parts), pyvae.gaussian_kl(*whole)),
                ):
                    torch.testing.assert_close(got.full_tensor(), want)
                mean = pyvae.gaussian_kl(*parts, reduction="batchmean")
                torch.testing.assert_close(mean.full_tensor(), pyvae.gaussian_kl(*whole, reduction="batchmean"))


def half_types_and_autocast_serve(mesh: DeviceMesh) -> None:
    whole = leaves(*(torch.randn(B, D, dtype=torch.bfloat16) for _ in range(2)))
    parts = spread(whole, mesh, BATCH)
    for enabled in (False, True):
        with torch.autocast("cpu", enabled=enabled):
            got = pyvae.reparameterize(*parts, seed=4), pyvae.gaussian_kl(*parts)
            want = pyvae.reparameterize(*whole, seed=4), pyvae.gaussian_kl(*whole)
        for a, b in zip(got, want, strict=True):
            assert a.dtype == b.dtype
            torch.testing.assert_close(a.full_tensor(), b)
    gradient = torch.autograd.grad(got[1].sum(), parts)[0]
    assert gradient.dtype == torch.bfloat16


CHECKS: dict[str, Callable[[DeviceMesh], None]] = {
    check.__name__: check
    for check in (
        every_op_is_what_it_is_of_the_whole,
        results_and_gradients_have_the_placements_of_inputs,
        nothing_is_sent,
        noise_is_that_of_the_whole_to_the_bit,
        without_a_seed_the_first_process_draws_one_for_all,
        inputs_that_broadcast_get_their_sums,
        placements_that_differ_or_are_partial_are_made_one,
        meshes_of_two_axes_and_few_rows_serve,
        half_types_and_autocast_serve,
    )
}


def failures(rank: int) -> dict[str, str]:
    """The checks that failed in this process, each with its traceback."""
    mesh = dist.init_device_mesh("cpu", (2,))
    found = {}
    for name, check in CHECKS.items():
        torch.manual_seed(0)
        try:
            check(mesh)
        except Exception:
            found[name] = traceback.format_exc()
    return found


@pytest.fixture(scope="module")
def found() -> list[dict[str, str]]:
    return in_two_processes(__name__, "failures")


@pytest.mark.parametrize("name", CHECKS)
def test_in_two_processes(found: list[dict[str, str]], name: str) -> None:
    for of_one in found:
        assert name not in of_one, of_one[name]


# --- Refusals ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mesh() -> Iterator[DeviceMesh]:
    """One process that is all of a group."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield dist.init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def test_what_is_no_dtensor_beside_one_is_refused(mesh: DeviceMesh) -> None:
    mu, logvar = torch.randn(B, D), torch.randn(B, D)
    whole = distribute_tensor(mu, mesh, [BATCH])
    words = "logvar must be a DTensor as mu is, got a plain tensor: .*distribute_tensor"
    with pytest.raises(TypeError, match=words):
        pyvae.reparameterize(whole, logvar)
    with pytest.raises(TypeError, match="prior_mu must be a DTensor as mu is, got a plain tensor"):
        pyvae.gaussian_kl(whole, whole, logvar)
    with pytest.raises(TypeError, match="logvar must be a tensor, got float"):
        pyvae.gaussian_kl(whole, 0.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"logvar must be a plain tensor, got a DTensor: pass logvar\.to_local\(\)"):
        pyvae.gaussian_kl(mu, whole)
    seed = distribute_tensor(torch.arange(B), mesh, [BATCH])
    with pytest.raises(TypeError, match=r"seed must be a plain tensor where mu is one, got a DTensor"):
        pyvae.reparameterize(mu, logvar, seed=seed)


def test_wrong_arguments_are_refused_as_those_of_plain_tensors(mesh: DeviceMesh) -> None:
    mu, logvar, other = (distribute_tensor(torch.randn(shape), mesh, [COPIES]) for shape in ((B, D), (B, D), (2, D)))
    with pytest.raises(ValueError, match=r"mu and logvar must have shapes that broadcast, got mu \[5, 3\], logvar \[2"):
        pyvae.reparameterize(mu, other)
    with pytest.raises(ValueError, match=r"seed must have a shape that is a prefix of mu's \[5, 3\], got \[3\]"):
        pyvae.reparameterize(mu, logvar, seed=torch.arange(3))
    with pytest.raises(TypeError, match="logvar must have the dtype of mu"):
        pyvae.gaussian_kl(mu, logvar.double())
    images = distribute_tensor(torch.randn(2, 2, 2, 2), mesh, [COPIES])
    with pytest.raises(ValueError, match=r"mu must have the shape \[M, D\] or \[K, M, D\] for 'batchmean'"):
        pyvae.gaussian_kl(images, images, reduction="batchmean")
    elsewhere = distribute_tensor(torch.randn(B, D), dist.init_device_mesh("cpu", (1, 1)), [COPIES, COPIES])
    with pytest.raises(ValueError, match="logvar must be on the mesh of mu"):
        pyvae.gaussian_kl(mu, elsewhere)


def test_nothing_of_dtensors_is_imported_before_one_comes() -> None:
    program = "import sys, torch, pyvae; x = torch.zeros(2, 3); pyvae.reparameterize(x, x); pyvae.gaussian_kl(x, x)"
    program += "; assert 'torch.distributed.tensor' not in sys.modules, 'imported'"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
