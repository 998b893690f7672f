"""The gradient of the total correlation from one minibatch, by every estimator, against that of all data.

    python -m benchmarks.bank.gradients                  # bank_gradients.json into this machine's results, 12 minutes
    python -m benchmarks.bank.gradients --width 0.3 --rows 64 --minibatches 500

N = 20 000 Gaussian posteriors of ten latents whose means are linear in standard normal data; gradients are those of the
map and of the log-variances, 110 numbers. The full gradient is the mean over draws of z for all data points. An
estimator's bias is the distance of its mean over minibatches from that, its noise the root mean square distance of one
minibatch from the mean, its cosine that of one minibatch with the full gradient, in the mean; all relative to the full
gradient's length. A bias is freed of what the noise of the mean adds to it; that noise is given beside it.

Half types are asked the same samples as float32: how far the logarithm of a density is off (root mean square), and the
total correlation's mean.

A bank with the sample's own row has a bias that theory tells: E[r grad log q(z | x)], r the row's share of q(z). It is
computed from the draws, beside how far the measured bias lies from it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import pyvae
from benchmarks.script import begin, parser_of

N, D = 20_000, 10
MIXED = "5 of 0.1, 5 collapsed"
WIDTHS = ("0.1", "0.3", "0.5", MIXED)
ROWS = (16, 64, 256, 1024)
ESTIMATORS = ("mws", "mss", "balanced", "bank", "bank, path only")
PAIRS_SEEN = 130_000
"""By an estimator at one size: rows of all its minibatches."""


@dataclass(frozen=True)
class Posteriors:
    """All posteriors, as a linear encoder of x [N, D] makes them."""

    x: Tensor
    mu: Tensor
    logvar: Tensor

    @classmethod
    def of_width(cls, width: str) -> "Posteriors":
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(N, D, generator=generator)
        weight = torch.eye(D) + 0.35 * torch.randn(D, D, generator=generator)
        sigma = torch.full((D,), 0.1 if width == MIXED else float(width))
        if width == MIXED:
            sigma[5:], weight[:, 5:] = 1.0, 0.0
            weight[:, :5] /= weight[:, :5].norm(dim=0)
        return cls(x, x @ weight, (2 * sigma.log()).expand(N, D).contiguous())

    def gradient(self, rows: Tensor | slice, of_mu: Tensor, of_logvar: Tensor) -> Tensor:
        """What gradients of these rows' mu and logvar [M, D] are to the encoder: [D (D + 1)], float64."""
        return torch.cat([(self.x[rows].T.double() @ of_mu.double()).flatten(), of_logvar.double().sum(0)])


Density = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def step(posteriors: Posteriors, rows: Tensor, noise: Tensor, density: Density) -> tuple[float, Tensor]:
    """Total correlation of samples of these rows, their mean, and its gradient."""
    mu, logvar = (t[rows].requires_grad_() for t in (posteriors.mu, posteriors.logvar))
    joint, marginals = density(mu + torch.exp(0.5 * logvar) * noise, mu, logvar, rows)
    value = (joint - marginals.sum(-1)).mean()
    return value.item(), posteriors.gradient(rows, *torch.autograd.grad(value, (mu, logvar)))


@dataclass(frozen=True)
class Truth:
    value: float
    gradient: Tensor
    noise: float
    """Of the gradient, relative."""
    own_row: Tensor
    """E[r grad log q(z | x)]."""


def truth_of(posteriors: Posteriors, draws: int) -> Truth:
    """From every data point, `draws` times."""
    values, gradients, own = [], [], []
    every = torch.arange(N)
    for draw in range(draws):
        noise = torch.randn(N, D, generator=torch.Generator().manual_seed(10_000 + draw))
        kept: list[Tensor] = []

        def full(z: Tensor, mu: Tensor, logvar: Tensor, _: Tensor, kept: list[Tensor] = kept) -> tuple[Tensor, Tensor]:
            density = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
            kept.append(density.joint.detach())
            return density

        value, gradient = step(posteriors, every, noise, full)
        values.append(value)
        gradients.append(gradient)
        own.append(_own_row(posteriors, noise, kept[0]))
    mean = torch.stack(gradients).mean(0)
    spread = (torch.stack(gradients) - mean).norm(dim=1).square().sum().div(draws - 1).sqrt()
    relative = float(spread / math.sqrt(draws) / mean.norm())
    return Truth(sum(values) / draws, mean, relative, torch.stack(own).mean(0))


def _own_row(posteriors: Posteriors, noise: Tensor, joint: Tensor) -> Tensor:
    sigma = torch.exp(0.5 * posteriors.logvar)
    own = -0.5 * (noise**2 + posteriors.logvar + math.log(2 * math.pi)).sum(-1)
    share = torch.exp(own - math.log(N) - joint).unsqueeze(-1)
    return posteriors.gradient(slice(None), share * noise / sigma / N, share * 0.5 * (noise**2 - 1) / N)


def density_by(estimator: str, posteriors: Posteriors) -> Density:
    if not estimator.startswith("bank"):
        settings = {"dataset_size": N, "estimator": estimator}
        return lambda z, mu, logvar, rows: pyvae.minibatch_log_density(z, mu, logvar, **settings)  # type: ignore[arg-type]
    bank = pyvae.PosteriorBank(N, D)
    bank.update(torch.arange(N), posteriors.mu, posteriors.logvar)

    def density(z: Tensor, mu: Tensor, logvar: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        own = (mu, logvar) if estimator == "bank" else (mu.detach(), logvar.detach())
        return bank.log_density(z, *own, rows)

    return density


def measured(estimator: str, rows: int, posteriors: Posteriors, truth: Truth, minibatches: int) -> dict[str, object]:
    density = density_by(estimator, posteriors)
    values, gradients = [], []
    for k in range(minibatches):
        generator = torch.Generator().manual_seed(k)  # every estimator sees the same samples
        chosen = torch.randperm(N, generator=generator)[:rows]
        value, gradient = step(posteriors, chosen, torch.randn(rows, D, generator=generator), density)
        values.append(value)
        gradients.append(gradient)
    all_values, every, length = torch.tensor(values).double(), torch.stack(gradients), truth.gradient.norm()
    mean = every.mean(0)
    noise = float((every - mean).norm(dim=1).square().sum().div(minibatches - 1).sqrt() / length)
    error, of_mean = (mean - truth.gradient) / length, math.hypot(noise / math.sqrt(minibatches), truth.noise)
    cosines = torch.cosine_similarity(every, truth.gradient.unsqueeze(0))
    found: dict[str, object] = {
        "estimator": estimator,
        "rows": rows,
        "minibatches": minibatches,
        "value_error": float(all_values.mean() - truth.value),
        "value_noise": float(all_values.std()),
        "bias": math.sqrt(max(0.0, float(error.norm()) ** 2 - of_mean**2)),
        "bias_noise": of_mean,
        "noise": noise,
        "cosine": float(cosines.mean()),
    }
    if estimator == "bank":
        off = float((error - truth.own_row / length).norm())
        found |= {
            "predicted_bias": float(truth.own_row.norm() / length),
            "bias_beside_predicted": math.sqrt(max(0.0, off**2 - of_mean**2)),
        }
    return found


def stored(dtype: torch.dtype, posteriors: Posteriors) -> dict[str, object]:
    """What rounding of the stored rows does, to 20 minibatches of 256."""
    banks = [pyvae.PosteriorBank(N, D, dtype=kind) for kind in (torch.float32, dtype)]
    for bank in banks:
        bank.update(torch.arange(N), posteriors.mu, posteriors.logvar)
    off, values = [], []
    for k in range(20):
        generator = torch.Generator().manual_seed(k)
        rows = torch.randperm(N, generator=generator)[:256]
        mu, logvar = posteriors.mu[rows], posteriors.logvar[rows]
        z = mu + torch.exp(0.5 * logvar) * torch.randn(256, D, generator=generator)
        right, rounded = (bank.eval().log_density(z, mu, logvar, rows) for bank in banks)
        off.append(rounded.joint - right.joint)
        values.append((rounded.joint - rounded.marginals.sum(-1) - right.joint + right.marginals.sum(-1)).mean())
    error = torch.cat(off).square().mean().sqrt()
    return {"dtype": str(dtype).removeprefix("torch."), "joint": float(error), "value": float(sum(values) / 20)}


def main() -> None:
    parser = parser_of(__doc__, "bank_gradients.json")
    parser.add_argument("--width", choices=WIDTHS, nargs="+", default=WIDTHS)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--minibatches", type=int, help="of each kind; so many that rows add up by default")
    parser.add_argument("--draws", type=int, default=26, help="of z for all data points")
    arguments = parser.parse_args()
    script, results, rounding = begin(arguments), [], []
    for width in arguments.width:
        posteriors = Posteriors.of_width(width)
        truth = truth_of(posteriors, arguments.draws)
        print(f"sigma {width}: total correlation {truth.value:.3f}", flush=True)
        for dtype in (torch.float16, torch.bfloat16):
            rounding.append({"width": width, **stored(dtype, posteriors)})
            print(f"  stored in {rounding[-1]}", flush=True)
        for rows in arguments.rows:
            for estimator in ESTIMATORS:
                minibatches = arguments.minibatches or max(64, PAIRS_SEEN // rows)
                found = measured(estimator, rows, posteriors, truth, minibatches)
                results.append({"width": width, "total_correlation": truth.value, **found})
                print(
                    f"  M {rows:4} {estimator:16} value {found['value_error']:+8.3f}  bias {found['bias']:.3f} "
                    f"({found['bias_noise']:.3f})  noise {found['noise']:.2f}  cosine {found['cosine']:.2f}",
                    flush=True,
                )
    facts = {"N": N, "latents": D, "draws": arguments.draws, "rows": results, "stored": rounding}
    script.save("bank_gradients.json", facts)


if __name__ == "__main__":
    main()
