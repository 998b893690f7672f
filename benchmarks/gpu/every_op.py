"""Every op of the library once, forward and backward, at sizes that no tile ends at: for compute-sanitizer.

    compute-sanitizer --tool memcheck python -m benchmarks.gpu.every_op

Small, since a sanitizer makes kernels a hundred times slower; inputs are made on the CPU, so that few kernels of torch
run between. Each result has to be finite.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

import pyvae
from pyvae.ops.joint_log_density import joint_log_density

# In the last a thread owns several rows and columns.
SHAPES = ((1, 1), (3, 33, 5), (2, 131, 3), (70, 65), (2011, 3))
ESTIMATORS = ("full", "mws", "mss", "balanced")
Function = Callable[..., tuple[Tensor, ...]]


@dataclass(frozen=True)
class Call:
    """A function of so many tensors of one shape."""

    tensors: int
    function: Function


def density(estimator: str, method: str) -> Function:
    def call(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        size = None if estimator == "full" else 3 * mu.shape[-2] + 5
        return pyvae.minibatch_log_density(z, mu, logvar, dataset_size=size, estimator=estimator, method=method)

    return call


def of_halves(moments: Tensor, spread_channels: int | None = None) -> tuple[Tensor, ...]:
    """Of bfloat16 moments that an encoder packs along the axis of the latents."""
    packed = moments.bfloat16(), -1, spread_channels
    return tuple(pyvae.Posterior.from_moments(*packed, latent_axes=-1, clamp=(-30, 20)).sample_with_kl(seed=7))


CALLS = {
    "reparameterize": Call(2, lambda *t: (pyvae.reparameterize(*t, seed=7),)),
    "reparameterize_with_kl": Call(2, lambda *t: tuple(pyvae.reparameterize_with_kl(*t, seed=7))),
    "reparameterize_moments": Call(2, lambda *t: tuple(pyvae.Posterior(*t).sample_with_kl(seed=7))),
    "reparameterize_moments, packed": Call(2, lambda *t: of_halves(torch.cat(t, -1))),
    "reparameterize_moments, one spread": Call(2, lambda m, s: of_halves(torch.cat([m, s[..., :1]], -1), 1)),
    "gaussian_kl": Call(2, lambda *t: (pyvae.gaussian_kl(*t),)),
    "gaussian_kl, none": Call(2, lambda *t: (pyvae.gaussian_kl(*t, reduction="none"),)),
    "gaussian_kl, prior": Call(4, lambda *t: (pyvae.gaussian_kl(*t),)),
    **{f"minibatch_log_density, {name}": Call(3, density(name, "exact")) for name in ESTIMATORS},
    "joint_log_density": Call(3, lambda *t: (joint_log_density(*t, 10_000, 2),)),
    "gridded_marginals": Call(3, density("mss", "gridded")),
}
"""By op, and by its use where it has several."""
DTYPES = (torch.float32, torch.float64)


def inputs(name: str, shape: tuple[int, ...], dtype: torch.dtype, device: str) -> list[Tensor]:
    """Leaves around 0: z, mu, logvar, or mu, logvar and a prior's."""
    return [torch.randn(shape, dtype=dtype).to(device).requires_grad_() for _ in range(CALLS[name].tensors)]


def cases() -> Iterator[tuple[str, tuple[int, ...], torch.dtype]]:
    for name, shape, dtype in itertools.product(CALLS, SHAPES, DTYPES):
        if not ("gridded" in name and dtype == torch.float64):  # float64 has no grids
            yield name, shape, dtype


def run(name: str, shape: tuple[int, ...], dtype: torch.dtype, device: str) -> None:
    leaves = inputs(name, shape, dtype, device)
    outputs = CALLS[name].function(*leaves)
    gradients = torch.autograd.grad(outputs, leaves, [torch.ones(o.shape, dtype=o.dtype).to(device) for o in outputs])
    for tensor in (*outputs, *gradients):
        assert bool(tensor.detach().cpu().isfinite().all()), (name, shape, dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    device = parser.parse_args().device
    torch.manual_seed(0)
    every = list(cases())
    for case in every:
        try:
            run(*case, device)
        except NotImplementedError as missing:  # a method that this device lacks
            print(*case, missing)
    print(f"{len(every)} calls, forward and backward")


if __name__ == "__main__":
    main()
