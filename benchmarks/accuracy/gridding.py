"""Errors of the gridded marginals beside their bound, over the regimes that a training run or bad data may bring.

    python benchmarks/accuracy/gridding.py                    # into the results of this machine, a minute or two
    python benchmarks/accuracy/gridding.py --out DIR

For every regime and rtol: the largest and the mean error of log q(z_d) where grids made it, and where anything did,
against float64; the relative norm of the gradients' error; and how many of the densities came from grids, from the
components within reach, and from all of them. Writes gridding.json and gridding.png.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.script import begin, parser_of
from pyvae.ops import reference
from pyvae.ops.gridded_marginals import gridded_marginals
from pyvae.plotting.style import FAINT, new_figure, save_png, shades, tidy

M, D, N = 2048, 4, 737_280
RTOLS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2]
DEFAULT_RTOL = 1e-5
MSS = 2  # the number of the estimator, csrc/math/estimators.h

Posteriors = tuple[Tensor, Tensor]


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def with_outliers() -> Posteriors:
    mu, logvar = normal(M, D), normal(M, D) * 0.5 - 2
    mu[::500] *= 1e6
    logvar[7::500] = -25
    return mu, logvar


REGIMES: dict[str, Callable[[], Posteriors]] = {
    "one sigma": lambda: (normal(M, D), torch.full((M, D), -3.0)),
    "broad": lambda: (normal(M, D), normal(M, D) * 0.3),
    "narrow": lambda: (normal(M, D), normal(M, D) * 0.5 - 8),
    "four decades": lambda: (normal(M, D), torch.rand(M, D, dtype=torch.float64) * 18.4 - 18.4),
    "collapsed": lambda: (normal(M, D) * 0.02, -0.01 * normal(M, D).abs()),
    "outliers": with_outliers,
    "duplicates": lambda: ((normal(M, D) * 3).round() / 3, torch.full((M, D), -9.0)),
    "isolated": lambda: (normal(M, D), torch.full((M, D), -14.0)),
    "one point": lambda: (torch.full((M, D), 0.5), torch.full((M, D), -4.0)),
}


def exact(tensors: list[Tensor], cotangent: Tensor) -> tuple[Tensor, list[Tensor]]:
    """float64 marginals and gradients, latent by latent to bound the memory."""
    values, gradients = [], []
    for d in range(D):
        leaves = [t[:, d : d + 1].double().requires_grad_() for t in tensors]
        marginals = reference.minibatch_log_density(*leaves, dataset_size=N, estimator="mss")[1]
        gradients.append(torch.autograd.grad(marginals, leaves, cotangent[:, d : d + 1].double()))
        values.append(marginals.detach())
    return torch.cat(values, 1), [torch.cat(parts, 1) for parts in zip(*gradients, strict=True)]


def largest(errors: Tensor) -> float | None:
    return errors.max().item() if errors.numel() else None


def row(regime: str, rtol: float, tensors: list[Tensor], cotangent: Tensor, truth: tuple[Tensor, list[Tensor]]) -> dict:
    leaves = [t.clone().requires_grad_() for t in tensors]
    marginals, _, tier = gridded_marginals(*leaves, N, MSS, rtol)
    gradients = torch.autograd.grad(marginals, leaves, cotangent)
    errors = (marginals.detach().double() - truth[0]).abs()
    norms = [((g.double() - t).norm() / t.norm()).item() for g, t in zip(gradients, truth[1], strict=True)]
    return {
        "regime": regime,
        "rtol": rtol,
        "largest error, gridded": largest(errors[tier == 0]),
        "largest error": errors.max().item(),
        "mean error": errors.mean().item(),
        "gradient error (z, mu, logvar)": norms,
        "share gridded, near, all": [(tier == k).double().mean().item() for k in range(3)],
    }


def measure() -> list[dict]:
    rows = []
    for regime, draw in REGIMES.items():
        torch.manual_seed(0)
        mu, logvar = draw()
        z = mu + torch.exp(0.5 * logvar) * normal(M, D)
        tensors, cotangent = [t.float() for t in (z, mu, logvar)], normal(M, D).float()
        truth = exact(tensors, cotangent)
        rows += [row(regime, rtol, tensors, cotangent, truth) for rtol in RTOLS]
        print(f"{regime}: done", flush=True)
    return rows


def draw(rows: list[dict], path: Path) -> None:
    figure = new_figure(11, 4.6)
    errors, shares = figure.subplots(1, 2, width_ratios=[3, 2])
    for regime, colour in zip(REGIMES, shades(len(REGIMES)), strict=True):
        of_regime = [r for r in rows if r["regime"] == regime and r["largest error, gridded"] is not None]
        x = [r["rtol"] for r in of_regime]
        errors.plot(x, [r["largest error, gridded"] for r in of_regime], "o-", color=colour, label=regime, linewidth=1)
    errors.plot(RTOLS, RTOLS, color="crimson", linewidth=1.5, label="promised: rtol")
    rounding = [rtol + 2e-6 for rtol in RTOLS]
    errors.plot(RTOLS, rounding, color="crimson", linewidth=1, linestyle=":", label="and float32's rounding")
    errors.set_xscale("log")
    errors.set_yscale("log")
    errors.legend(fontsize=8, ncols=2)
    tidy(errors, "Largest error of log q(z_d) where grids made it", "rtol", "nats")
    at_default = [r for r in rows if r["rtol"] == DEFAULT_RTOL]
    names = [r["regime"] for r in at_default]
    near, every = ([100 * r["share gridded, near, all"][k] for r in at_default] for k in (1, 2))
    shares.barh(names, near, color="#e0a030", label="from the components within reach")
    shares.barh(names, every, left=near, color=FAINT, label="from all components")
    shares.invert_yaxis()
    shares.legend(fontsize=8)
    tidy(shares, f"Densities not made by grids, rtol = {DEFAULT_RTOL:g}", "percent")
    save_png(figure, path)


def main() -> None:
    script = begin(parser_of(__doc__, "gridding.json and gridding.png").parse_args())
    rows = measure()
    script.save("gridding.json", {"M": M, "D": D, "N": N, "estimator": "mss", "rows": rows})
    draw(rows, script.out / "gridding.png")
    worst = max((r for r in rows if r["rtol"] == DEFAULT_RTOL), key=lambda r: r["largest error"])
    print(f"largest error at rtol = {DEFAULT_RTOL:g}: {worst['largest error']:.1e} nats ({worst['regime']})")


if __name__ == "__main__":
    main()
