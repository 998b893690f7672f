"""How stale rows are while a beta-TCVAE trains with a bank, and what that does to its total correlation and gradient.

    python -m benchmarks.bank.staleness                  # bank_staleness.json into this machine's results, ten minutes

The models of training.py on sprites, by a bank of all rows, with minibatches of 32 and 128. At each of some steps the
bank stays as training has left it, and 40 minibatches say what the total correlation and its gradient in the encoder's
parameters are: by all rows, by the half and the quarter seen last, by rows of at most an eighth of an epoch's steps, by
fresh rows, and by mss and mws. The truth is the full data's, all rows fresh and with gradients, in the mean of four
draws. Means over five seeds of values relative to the full gradient's length, as in gradients.py.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

import pyvae
from benchmarks.bank.training import LATENTS, SEEDS, Case, chunk_of, data_set
from benchmarks.script import begin, parser_of
from pyvae.losses import BetaTCVAE
from pyvae.training.chunk import Chunk

STEPS = (250, 500, 1000, 2000, 6000)
MINIBATCHES, DRAWS = 40, 4

Density = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def correlation(chunk: Chunk, images: Tensor, index: Tensor, seed: int, density: Density) -> tuple[Tensor, Tensor]:
    """The total correlation [K] of these images' samples, and its gradient in the encoder [K, P]."""
    x = images[index].expand(len(SEEDS), -1, -1)
    mu, logvar = (t.contiguous() for t in chunk.model.encode(x))
    z = pyvae.reparameterize(mu, logvar, seed=seed)
    joint, marginals = density(z, mu, logvar, index)
    value = (joint - marginals.sum(-1)).mean(-1)
    encoder = [p for layer in chunk.model.encoder for p in layer.parameters()]  # type: ignore[union-attr]
    gradients = torch.autograd.grad(value.sum(), encoder)
    return value.detach().double(), torch.cat([g.flatten(1) for g in gradients], 1).double()


def estimators(bank: pyvae.PosteriorBank, fresh: tuple[Tensor, Tensor], rows: int) -> dict[str, Density]:
    size = bank.dataset_size

    def asked(settings: dict[str, int], codes: tuple[Tensor, Tensor] | None = None) -> Density:
        one = copy.deepcopy(bank).eval()
        for name, value in settings.items():
            setattr(one, name, value)
        if codes is not None:
            one.mu.copy_(codes[0]), one.logvar.copy_(codes[1])
            one.seen.fill_(0)
        return one.log_density

    def minibatch(estimator: str) -> Density:
        settings = {"dataset_size": size, "estimator": estimator}
        return lambda z, mu, logvar, _: pyvae.minibatch_log_density(z, mu, logvar, **settings)  # type: ignore[arg-type]

    return {
        "all rows": asked({}),
        "last half": asked({"rows": size // 2}),
        "last quarter": asked({"rows": size // 4}),
        "an eighth of an epoch": asked({"max_lag": size // rows // 8}),
        "fresh rows": asked({}, fresh),
        "mss": minibatch("mss"),
        "mws": minibatch("mws"),
    }


def measured(chunk: Chunk, images: Tensor, rows: int) -> dict[str, object]:
    size = len(images)

    def full(z: Tensor, mu: Tensor, logvar: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        return pyvae.minibatch_log_density(z, mu, logvar, estimator="full")

    draws = [correlation(chunk, images, torch.arange(size), 100 + k, full) for k in range(DRAWS)]
    value, truth = (torch.stack(parts).mean(0) for parts in zip(*draws, strict=True))
    with torch.no_grad():
        fresh = chunk.model.encode(images.expand(len(SEEDS), -1, -1))
    objective = chunk._objective
    assert isinstance(objective, BetaTCVAE) and objective.bank is not None
    bank = objective.bank
    moved = ((bank.mu - fresh[0]) / torch.exp(0.5 * fresh[1])).square().mean((1, 2)).sqrt()
    found = []
    for name, density in estimators(bank, (fresh[0], fresh[1]), rows).items():
        values, gradients = [], []
        for k in range(MINIBATCHES):
            index = torch.randperm(size, generator=torch.Generator().manual_seed(900 + k))[:rows]
            one, gradient = correlation(chunk, images, index, k, density)
            values.append(one)
            gradients.append(gradient)
        every, mean = torch.stack(gradients), torch.stack(gradients).mean(0)
        length = truth.norm(dim=-1)
        found.append(
            {
                "estimator": name,
                "value_error": float((torch.stack(values).mean(0) - value).mean()),
                "bias": float(((mean - truth).norm(dim=-1) / length).mean()),
                "noise": float(((every - mean).norm(dim=-1).square().mean(0).sqrt() / length).mean()),
                "cosine of mean": float(torch.cosine_similarity(mean, truth, -1).mean()),
                "cosine of one": float(torch.cosine_similarity(every, truth.unsqueeze(0), -1).mean()),
            }
        )
    return {"total_correlation": float(value.mean()), "moved, in sigmas": float(moved.mean()), "estimators": found}


def main() -> None:
    parser = parser_of(__doc__, "bank_staleness.json")
    parser.add_argument("--rows", type=int, nargs="+", default=(32, 128))
    arguments = parser.parse_args()
    script, results, data = begin(arguments, threads=1), [], data_set("sprites")
    assert data.count is not None
    images = data.test_images(torch.arange(data.count))
    for rows in arguments.rows:
        chunk, taken = chunk_of(Case("sprites", "bank", rows, 6.0, STEPS[-1]), data), 0
        for step in STEPS:
            chunk.run(taken, step)
            taken = step
            results.append({"rows": rows, "step": step, **measured(chunk, images, rows)})
            print(results[-1], flush=True)
    facts = {"N": data.count, "latents": LATENTS, "minibatches": MINIBATCHES, "draws": DRAWS, "rows": results}
    script.save("bank_staleness.json", facts)


if __name__ == "__main__":
    main()
