"""Linear projections between true and learned latents, and how well they predict.

A projection is fitted on one half of the data and scored on the other (`halves`). It is fitted in closed form
(`least_squares`) or by the protocol of the study's source, a few epochs of stochastic gradient steps
(`sgd_protocol`). Both take a leading model axis, so the projections of a whole stack of models are fitted at
once.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.metrics.estimators.numbers import positive
from pyvae.metrics.estimators.threads import one_thread_of_torch
from pyvae.ops.arguments import whole
from pyvae.ops.registration import exportable
from pyvae.ops.seeds import check_seed

# Learned latents live on the scale of the prior, standard deviation 1. What varies by less than this is
# rounding noise of float32, not signal: a collapsed posterior mean that moves by 1e-4 does count as varying.
CONSTANT_STD = 1e-6


@exportable
class LinearMap(NamedTuple):
    """An affine map, one per model: weight [..., P, T] and bias [..., 1, T]."""

    weight: Tensor
    bias: Tensor

    def predict(self, inputs: Tensor) -> Tensor:
        """inputs [..., N, P] -> predictions [..., N, T] in the inputs' dtype."""
        return inputs @ self.weight.to(inputs.dtype) + self.bias.to(inputs.dtype)


@exportable
class Score(NamedTuple):
    """mse [...]: mean over samples and outputs, in squared units of the target. r2 [...]: see `score`."""

    mse: Tensor
    r2: Tensor


@exportable
class SGDFit(NamedTuple):
    """A map fitted by gradient steps, and its training curve [..., steps]: the batch's MSE before each
    step.
    """

    map: LinearMap
    curve: Tensor


def halves(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Split `count` samples at random into (fit, test) index tensors; the same split for the same seed.

    Raises TypeError for a count that is no int, ValueError for fewer than two samples.
    """
    count = whole("count", count, least=2)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(check_seed(seed)), device="cpu")
    return order[: count // 2], order[count // 2 :]


def least_squares(inputs: Tensor, targets: Tensor) -> LinearMap:
    """The affine map with the least squared error: inputs [..., N, P], targets [..., N, T], in float64.

    Leading axes broadcast. Inputs that do not vary get weight 0, and directions that are linear combinations
    of others the solution of least norm (in standardised inputs), so collapsed latents do no harm. A model
    whose data are not finite gets a map of NaNs; the others are not touched by it. Raises ValueError when N
    differs.
    """
    _check_samples(inputs, targets)
    x, y = inputs.double(), targets.double()
    x_mean, y_mean = x.mean(-2, keepdim=True), y.mean(-2, keepdim=True)
    spread = x.std(-2, correction=0, keepdim=True)
    varies = spread > CONSTANT_STD
    scale = torch.where(varies, spread, torch.ones_like(spread))
    standardised = torch.where(varies, (x - x_mean) / scale, torch.zeros_like(x))
    gram = standardised.mT @ standardised / x.shape[-2]
    cross = standardised.mT @ (y - y_mean) / x.shape[-2]
    finite = x.isfinite().all(-1).all(-1) & y.isfinite().all(-1).all(-1)
    usable = x.isfinite().all(-1).all(-1)[..., None, None]
    inverse = torch.linalg.pinv(torch.where(usable, gram, torch.zeros_like(gram)), rtol=1e-10, hermitian=True)
    weight = (inverse @ cross) / scale.mT
    weight = torch.where(finite[..., None, None], weight, torch.full_like(weight, math.nan))
    return LinearMap(weight, y_mean - x_mean @ weight)


def sgd_protocol(
    inputs: Tensor, targets: Tensor, *, epochs: int, learning_rate: float, batch_size: int, seed: int
) -> SGDFit:
    """The source's protocol: `epochs` passes of minibatch gradient steps on the mean squared error.

    inputs [..., N, P], targets [..., N, T]; leading axes broadcast. The source states 3 epochs and nothing
    else. Chosen here: Adam (the one optimiser it names), zero initial weights (the problem is convex), one
    shuffle per epoch from `seed`, the same for every model. Adam acts on each weight alone, so a stacked
    model gets the map it would get by itself. Raises ValueError when N differs or a setting is out of range,
    TypeError for a setting of another type.
    """
    epochs, batch_size = whole("epochs", epochs, least=1), whole("batch_size", batch_size, least=1)
    learning_rate = positive("learning_rate", learning_rate)
    _check_samples(inputs, targets)
    x = torch.nn.functional.pad(inputs.float(), (0, 1), value=1.0)  # a column of ones carries the bias
    y = targets.float()
    leading = (x[..., 0, :1] + y[..., 0, :1]).shape[:-1]  # as the leading axes broadcast
    weight = torch.zeros(*leading, x.shape[-1], y.shape[-1], device=x.device, requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=learning_rate, fused=True)
    generator = torch.Generator().manual_seed(check_seed(seed))
    curve = []
    # Hundreds of steps of microseconds, each waiting for a pool of threads, are slow. Measured on 2 cores, 30 models,
    # 462 steps: 0.09 s, against 11 s with 2 threads while others use the cores, 0.06 s idle.
    with one_thread_of_torch():
        for _ in range(epochs):
            order = torch.randperm(x.shape[-2], generator=generator, device="cpu")
            x_shuffled, y_shuffled = x[..., order, :], y[..., order, :]
            for start in range(0, len(order), batch_size):
                x_b = x_shuffled[..., start : start + batch_size, :]
                error = x_b @ weight.detach() - y_shuffled[..., start : start + batch_size, :]
                weight.grad = x_b.mT @ error * (2 / (error.shape[-2] * error.shape[-1]))
                optimiser.step()
                curve.append(error.square().mean((-2, -1)))
    fitted = weight.detach()
    return SGDFit(LinearMap(fitted[..., :-1, :], fitted[..., -1:, :]), torch.stack(curve, -1))


def score(prediction: Tensor, targets: Tensor) -> Score:
    """Raw mean squared error and R^2 of a prediction, both [..., N, T], per model.

    R^2 = 1 - sum_t SSE_t / sum_t SST_t: variance-normalised, summed over outputs, about the targets' own
    mean, so a latent counts by its variance and a constant one does not count. When no output varies
    (standard deviation up to CONSTANT_STD) there is nothing to explain and R^2 is defined as 0, whatever the
    error. Below 0 the prediction is worse than the mean. NaNs in a model's data give NaN for that model.
    """
    target = targets.double()
    mse = (prediction.double() - target).square().mean((-2, -1))
    variance = target.var(-2, correction=0).mean(-1).expand(mse.shape)
    r2 = 1 - mse / variance.clamp_min(CONSTANT_STD**2)
    return Score(mse, torch.where(variance <= CONSTANT_STD**2, torch.zeros_like(r2), r2))


def _check_samples(inputs: Tensor, targets: Tensor) -> None:
    if inputs.shape[-2] != targets.shape[-2]:
        raise ValueError(
            f"inputs and targets must hold the same number of samples, got {inputs.shape[-2]} and {targets.shape[-2]}"
        )
