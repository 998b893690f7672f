"""What only a GPU shows: streams, devices, graphs, no waiting for the host, 64-bit indices, errors, equal bits.

The promises that hold on every device are tested where the CPU's are, with the fixtures `place` and `device`.
"""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

import pyvae
from pyvae.ops.ceilings import gpu_copy, gpu_operations_per_second
from tests.instruction_sets import CUDA
from tests.ops.catalogue import CUDA_USES, Op
from tests.ops.contract import assert_bit_equal, gradients
from tests.ops.posteriors import posteriors

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

GIBIBYTE = 2**30


def inputs(op: Op, *shape: int) -> list[Tensor]:
    """Leaves on the GPU."""
    return [t.to(CUDA).requires_grad_() for t in op.inputs(*shape)]


def results(op: Op, leaves: list[Tensor]) -> list[Tensor]:
    return [*op.function(*leaves), *gradients(op.function, leaves)]


# --- Streams, devices and the host ------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", CUDA_USES, ids=str)
def test_kernels_run_on_the_current_stream(op: Op) -> None:
    """The inputs are there only after the stream's long sleep: a kernel on another stream would read NaN."""
    ready = [t.detach() for t in inputs(op, 2, 33, 5)]
    want = op.function(*ready)
    late = [torch.full_like(t, torch.nan) for t in ready]
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)
        for target, source in zip(late, ready, strict=True):
            target.copy_(source)
        got = op.function(*late)
    stream.synchronize()
    for a, b in zip(got, want, strict=True):
        assert_bit_equal(a, b)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("op", CUDA_USES, ids=str)
def test_tensors_of_another_device_run_there(op: Op) -> None:
    here = inputs(op, 33, 5)
    there = [t.detach().to("cuda:1").requires_grad_() for t in here]
    got = results(op, there)
    assert torch.cuda.current_device() == 0 and all(t.device == torch.device("cuda:1") for t in got)
    for a, b in zip(got, results(op, here), strict=True):
        assert_bit_equal(a.cpu(), b.cpu())


@pytest.mark.parametrize("op", CUDA_USES, ids=str)
def test_nothing_waits_for_the_gpu(op: Op) -> None:
    leaves = inputs(op, 70, 5)
    cotangents = [torch.randn_like(t) for t in op.function(*leaves)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        torch.autograd.grad(op.function(*leaves), leaves, cotangents)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_tensors_of_two_devices_are_refused() -> None:
    mu = torch.zeros(3, 2, device=CUDA)
    with pytest.raises(ValueError, match="logvar must be on the device of mu, cuda:0, got cpu"):
        pyvae.gaussian_kl(mu, torch.zeros(3, 2))


# --- CUDA graphs ------------------------------------------------------------------------------------------------------


class Training:
    """A beta-TCVAE of two layers that learns one batch."""

    def __init__(self, seed: int | None) -> None:
        torch.manual_seed(0)
        self.model = nn.ModuleList([nn.Linear(20, 6), nn.Linear(3, 20)]).to(CUDA)
        self.x = torch.rand(64, 20, device=CUDA)
        self.seed = torch.tensor(seed, device=CUDA) if seed is not None else None
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3, capturable=True)

    def step(self) -> Tensor:
        mu, logvar = self.model[0](self.x).chunk(2, dim=1)
        z = pyvae.reparameterize(mu, logvar, seed=self.seed)
        reconstruction = pyvae.losses.bernoulli_reconstruction(self.x, self.model[1](z))
        loss = pyvae.losses.BetaTCVAE(1000)(reconstruction, z, mu, logvar).loss.mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def captured(self, warm_up: int) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(warm_up):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self.step()
        return graph, loss


def test_a_captured_training_step_learns_what_an_eager_one_does() -> None:
    eager, captured = Training(seed=5), Training(seed=5)
    graph, _ = captured.captured(warm_up=3)
    for _ in range(4):
        graph.replay()
    for _ in range(7):
        eager.step()
    for a, b in zip(captured.model.parameters(), eager.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_replay_draws_new_noise() -> None:
    mu = torch.zeros(64, 3, device=CUDA)
    pyvae.reparameterize(mu, mu)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        z = pyvae.reparameterize(mu, mu)
    graph.replay()
    first = z.clone()
    graph.replay()
    assert not torch.equal(z, first)


# --- Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
@pytest.mark.parametrize("shape", [(1,), (3, 7), (257, 65)], ids=str)
def test_noise_is_the_cpu_s(shape: tuple[int, ...], dtype: torch.dtype, atol: float) -> None:
    zeros = torch.zeros(shape, dtype=dtype)
    want = pyvae.reparameterize(zeros, zeros, seed=11)
    got = pyvae.reparameterize(zeros.to(CUDA), zeros.to(CUDA), seed=11)
    torch.testing.assert_close(got.cpu(), want, rtol=0, atol=atol)


@pytest.mark.parametrize("op", CUDA_USES, ids=str)
def test_the_same_bits_again(op: Op, figure: int) -> None:
    leaves = inputs(op, 2, 301, 7)
    first = results(op, leaves)
    for _ in range(figure):
        for a, b in zip(results(op, leaves), first, strict=True):
            assert_bit_equal(a, b)


def test_empty_queries_give_zero_gradients() -> None:
    mu, logvar = (torch.randn(5, 3, device=CUDA, requires_grad=True) for _ in range(2))
    density = pyvae.minibatch_log_density(torch.empty(0, 3, device=CUDA), mu, logvar, estimator="full")
    assert density.joint.shape == (0,) and density.marginals.shape == (0, 3)
    density.joint.sum().backward()
    assert bool((mu.grad == 0).all())


def test_autocast_computes_in_float32() -> None:
    z, mu, logvar = (t.to(CUDA) for t in posteriors((), 20, 4))
    with torch.autocast(CUDA, dtype=torch.bfloat16):
        got = pyvae.minibatch_log_density(z, mu.bfloat16(), logvar, dataset_size=64)
    want = pyvae.minibatch_log_density(z, mu.bfloat16().float(), logvar, dataset_size=64)
    assert_bit_equal(got.joint, want.joint)


def test_compiles_in_one_graph() -> None:
    def loss(*t: Tensor) -> tuple[Tensor, ...]:
        return tuple(pyvae.kl_decomposition(*t, dataset_size=1000))

    leaves = [t.to(CUDA) for t in posteriors((), 19, 5)]
    compiled = torch.compile(loss, fullgraph=True)
    torch.testing.assert_close(compiled(*leaves), loss(*leaves))
    torch.testing.assert_close(gradients(compiled, leaves), gradients(loss, leaves))


def test_memory_is_linear_in_the_minibatch() -> None:
    leaves = [t.to(CUDA).requires_grad_() for t in posteriors((), 65_536, 10)]
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    density = pyvae.minibatch_log_density(*leaves, dataset_size=10**6)
    torch.autograd.grad(density.joint.sum() + density.marginals.sum(), leaves)
    assert torch.cuda.max_memory_allocated() - before <= 64 * 2**20


def test_more_than_2_to_the_31_elements() -> None:
    latents, rows = 1024, 2**21 + 3
    if torch.cuda.mem_get_info()[0] < 45 * GIBIBYTE:
        pytest.skip("needs 45 GiB of free GPU memory")
    mu, logvar = (torch.zeros(rows, latents, device=CUDA, requires_grad=True) for _ in range(2))
    with torch.no_grad():
        mu[-1, -1], mu[0, 0] = 2, 4
    kl = pyvae.gaussian_kl(mu, logvar)
    assert (kl[-1].item(), kl[0].item(), kl.sum().item()) == (2.0, 8.0, 10.0)
    kl.sum().backward()
    assert (mu.grad[-1, -1].item(), mu.grad[0, 0].item(), mu.grad.sum().item()) == (2.0, 4.0, 6.0)


# --- Errors and ceilings ----------------------------------------------------------------------------------------------

# A device that has failed refuses every launch after; in a process of its own, whose device stays as it is.
BROKEN = """
import torch, pyvae
mu = torch.zeros(3, 2, device="cuda")
try:
    mu[torch.tensor([7], device="cuda")]
    torch.cuda.synchronize()
except RuntimeError:
    pass
try:
    pyvae.gaussian_kl(mu, mu)
except RuntimeError as error:
    print("said:", str(error).splitlines()[0])
"""


def test_a_launch_that_fails_is_an_error_with_its_reason() -> None:
    ran = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, check=False)
    assert "said:" in ran.stdout and "CUDA error" in ran.stdout, ran.stdout + ran.stderr[-2000:]


@pytest.mark.parametrize("operation", ["multiply_add", "exp2", "philox"])
def test_ceilings_are_rates(operation: str) -> None:
    assert gpu_operations_per_second(operation, torch.device(CUDA), 1e-3) > 1e9


def test_our_copy_copies() -> None:
    source = torch.randn(2**20 + 4, device=CUDA)
    assert_bit_equal(gpu_copy(source), source)
