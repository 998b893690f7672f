"""The total correlation of a perfect code, exactly 0, as minibatches read it: by pyvae, and by the copied weights.

    python benchmarks/perfect_code.py             # perfect_code.json into the results of this machine, a minute or two
    python benchmarks/perfect_code.py --out DIR

Each of dSprites' five factors (3, 6, 40, 32 and 32 values, N = 737 280) is the mean of one latent, standardised, with
sigma = 0.1; five more latents have collapsed. Every combination of factors occurs once and the sigmas are alike, so
that q(z) is the product of its marginals.
"""

import math

import torch
from torch import Tensor

import pyvae
from benchmarks.script import begin, parser_of

FACTORS = (3, 6, 40, 32, 32)
SIGMA, COLLAPSED = 0.1, 5
N = math.prod(FACTORS)
COPIED = "column 0"
ESTIMATORS = ("mss", "balanced", "mws", COPIED)
AT_A_TIME = 2**22  # numbers that the copied weights' pairs may hold in memory


def perfect_code() -> tuple[Tensor, Tensor]:
    """mu and logvar, [N, 10]."""
    labels = torch.cartesian_prod(*map(torch.arange, FACTORS)).double()
    codes = (labels - labels.mean(0)) / labels.std(0, correction=0)
    mu = torch.cat([codes, torch.zeros(N, COLLAPSED)], 1).float()
    logvar = torch.cat([torch.full((len(FACTORS),), 2 * math.log(SIGMA)), torch.zeros(COLLAPSED)])
    return mu, logvar.repeat(N, 1)


def copied_total_correlation(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """With the stratified weights as they are copied: the stride fills columns 0 and 1, not diagonals. [..., M]."""
    size = z.shape[-2]
    rest = size - 1
    weights = torch.full((size, size), 1 / rest)
    weights.view(-1)[::size] = 1 / N
    weights.view(-1)[1::size] = (N - rest) / (N * rest)
    weights[rest - 1, 0] = (N - rest) / (N * rest)
    deviation = (z.unsqueeze(-2) - mu.unsqueeze(-3)) * (-0.5 * logvar).exp().unsqueeze(-3)
    pairs = -0.5 * (deviation.square() + logvar.unsqueeze(-3) + math.log(2 * math.pi))  # [..., M, M, D]
    joint = torch.logsumexp(weights.log() + pairs.sum(-1), -1)
    marginals = torch.logsumexp(weights.log().unsqueeze(-1) + pairs, -2)
    return joint - marginals.sum(-1)


def total_correlation(estimator: str, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """One estimate for each minibatch, [R] float64."""
    if estimator == COPIED:
        return copied_total_correlation(z, mu, logvar).double().mean(-1)
    parts = pyvae.kl_decomposition(z, mu, logvar, dataset_size=N, estimator=estimator)  # type: ignore[arg-type]
    return parts.total_correlation.double().mean(-1)


def row_of(estimator: str, size: int, repeats: int, codes: tuple[Tensor, Tensor]) -> dict[str, float | str]:
    """Mean, its standard error and the deviation of one minibatch; every estimator sees the same minibatches."""
    generator = torch.Generator().manual_seed(size)
    found = []
    for part in torch.arange(repeats).split(max(1, AT_A_TIME // (size**2 * codes[0].shape[1]))):
        rows = torch.randint(N, (len(part), size), generator=generator)  # of 737 280, as good as without replacement
        mu, logvar = (values[rows] for values in codes)
        z = pyvae.reparameterize(mu, logvar, generator=generator)
        found.append(total_correlation(estimator, z, mu, logvar))
    values = torch.cat(found)
    deviation = float(values.std())
    return {
        "estimator": estimator,
        "M": size,
        "total_correlation": float(values.mean()),
        "error": deviation / math.sqrt(repeats),
        "deviation": deviation,
    }


def main() -> None:
    parser = parser_of(__doc__, "perfect_code.json")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--repeats", type=int, default=400, help="minibatches of each size")
    parser.add_argument("--samples", type=int, default=10_000, help="samples of the aggregate posterior")
    arguments = parser.parse_args()
    script = begin(arguments)
    codes = perfect_code()
    exact = pyvae.aggregate_posterior(*codes).total_correlation(arguments.samples, seed=0)
    truth = {"total_correlation": float(exact.value), "error": float(exact.standard_error)}
    print("all {} posteriors: {total_correlation:.4f} ± {error:.4f}".format(N, **truth))
    rows = []
    for size in arguments.sizes:
        for estimator in ESTIMATORS:
            rows.append(row_of(estimator, size, arguments.repeats, codes))
            print("M {M:4d}  {estimator:8s}  {total_correlation:8.3f} ± {error:.3f}".format(**rows[-1]), flush=True)
    settings = {"N": N, "D": codes[0].shape[1], "repeats": arguments.repeats, "samples": arguments.samples}
    script.save("perfect_code.json", {**settings, "truth": 0.0, "aggregate posterior": truth, "rows": rows})


if __name__ == "__main__":
    main()
