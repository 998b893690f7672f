"""Total correlation as it is logged while beta-TCVAEs train, beside the exact one, and what they learn.

    python -m benchmarks.bank.training --data sprites    # bank_training_sprites.json into this machine's results
    python -m benchmarks.bank.training --data digits

Five seeds of an MLP (two layers of 128, ten latents, Adam 1e-3) on one thread, by mss, mws and a bank, with minibatches
of 32, 128 and 512 drawn with replacement. Logged are the last hundred steps before each measurement, exact is the
aggregate posterior of all images: 5000 samples of it, whose standard error is about 0.02 nats. Reconstructions are of
all images, one sample each; the objective is the sum that the models were trained for, at those exact values. Seconds
are those of the training steps of all five, so that estimators can be compared at equal time as well as at equal steps.
A result that is there is not computed again: delete the file for that.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

import pyvae
from benchmarks.script import Script, begin, parser_of
from pyvae.data import DataSet, Digits, Sprites
from pyvae.losses import BernoulliReconstruction, BetaTCVAE
from pyvae.nn import StackedVAE
from pyvae.training import Recipe, TrainingSettings, product
from pyvae.training.choice import stepping_of
from pyvae.training.chunk import Chunk

SEEDS, HIDDEN, LATENTS = range(5), (128, 128), 10
LOGGED, EVERY = 100, 500
"""Steps of which logged terms are the mean; steps from one measurement to the next."""


@dataclass(frozen=True)
class Case:
    data: str
    estimator: str
    rows: int
    beta: float
    steps: int


def cases_of(data: str) -> list[Case]:
    """Every minibatch and estimator at beta 6, as long in steps; mss also as long in time as the bank, about."""
    cases = []
    for rows, steps in ((32, 6000), (128, 6000), (512, 3000)):
        for estimator in ("mss", "mws", "bank"):
            cases.append(Case(data, estimator, rows, 6.0, 3 * steps if estimator == "mss" else steps))
    if data == "sprites":
        cases += [
            Case(data, estimator, rows, beta, 6000)
            for beta in (2.0, 4.0, 10.0)
            for rows in (32, 128)
            for estimator in ("mss", "bank")
        ]
    return cases


def data_set(name: str) -> DataSet:
    return Digits() if name == "digits" else Sprites((3, 4, 8, 8, 8), 16).cached(False, progress=False)


def chunk_of(case: Case, data: DataSet) -> Chunk:
    recipe = Recipe(
        cells=product((0.0,), (case.beta,), SEEDS),
        settings=TrainingSettings(steps=case.steps, batch_size=case.rows, learning_rate=1e-3),
        data=data,
        bias=lambda cells: None,
        model=lambda models, seeds: StackedVAE(models, data.size, HIDDEN, LATENTS, seeds=seeds),
        likelihood=BernoulliReconstruction(),
        objective=BetaTCVAE,
        objective_settings={"estimator": case.estimator, "dataset_size": data.count},
    )
    step = stepping_of(recipe.model(1, None), recipe.likelihood, recipe.of_strength_one)
    return Chunk.initialised(recipe.cells, range(len(recipe.cells)), recipe, step)


@torch.no_grad()
def exact(chunk: Chunk, images: Tensor, seed: int) -> dict[str, list[float]]:
    """The objective's parts of each model, of all images."""
    x = images.expand(len(SEEDS), -1, -1)
    mu, logvar = (t.contiguous() for t in chunk.model.encode(x))
    parts = [pyvae.aggregate_posterior(mu[k], logvar[k]).kl_decomposition(seed=seed) for k in range(len(SEEDS))]
    z = pyvae.reparameterize(mu, logvar, seed=seed)
    return {
        "reconstruction": chunk.recipe.likelihood(x, chunk.model.decode(z)).mean(-1).tolist(),
        "mutual_information": [part.mutual_information.value.item() for part in parts],
        "total_correlation": [part.total_correlation.value.item() for part in parts],
        "dimwise_kl": [part.dimwise_kl_sum.value.item() for part in parts],
    }


def gaps(chunk: Chunk, images: Tensor, labels: Tensor) -> list[float]:
    """The mutual information gap of each model."""
    mu, logvar = (t.contiguous() for t in chunk.model.encode(images.expand(len(SEEDS), -1, -1)))
    codes = [pyvae.aggregate_posterior(mu[k], logvar[k]) for k in range(len(SEEDS))]
    return [pyvae.metrics.mig(code, labels, samples=2000).value for code in codes]


def trained(case: Case, data: DataSet) -> dict[str, object]:
    """The case's trace: at every measurement seconds so far, logged and exact terms of all seeds."""
    assert data.count is not None
    chunk, images = chunk_of(case, data), data.test_images(torch.arange(data.count))
    place = {name: row for row, name in enumerate(chunk.recipe.terms)}
    trace, seconds = [], 0.0
    for last in range(EVERY, case.steps + 1, EVERY):
        for part in (range(last - EVERY, last - LOGGED), range(last - LOGGED, last)):
            chunk.take_sums()
            start = time.perf_counter()
            chunk.run(part.start, part.stop)
            seconds += time.perf_counter() - start
        logged = chunk.take_sums() / LOGGED
        kept = ("mutual_information", "total_correlation", "dimwise_kl")
        trace.append(
            {
                "step": last,
                "seconds": seconds,
                "logged": {name: logged[place[name]].tolist() for name in kept},
                "exact": exact(chunk, images, seed=last),
            }
        )
    labels = data.labels()
    found: dict[str, object] = {**asdict(case), "ms_a_step": 1e3 * seconds / case.steps, "trace": trace}
    return {**found, "mig": gaps(chunk, images, labels)} if case.data == "sprites" else found


def told(result: dict) -> str:
    """A line of the end."""
    end = result["trace"][-1]
    parts = {name: torch.tensor(values) for name, values in end["exact"].items()}
    total = parts["reconstruction"] + parts["mutual_information"] + parts["dimwise_kl"]
    objective = total + result["beta"] * parts["total_correlation"]
    off = torch.tensor(end["logged"]["total_correlation"]) - parts["total_correlation"]
    return (
        f"{result['data']} M {result['rows']:3} beta {result['beta']:g} {result['estimator']:5} "
        f"{result['steps']} steps {end['seconds']:.0f} s: objective {objective.mean():.2f}, total correlation "
        f"{parts['total_correlation'].mean():.3f}, logged {off.mean():+.2f} off"
    )


def main(arguments: argparse.Namespace) -> None:
    script: Script = begin(arguments, threads=1)
    name = f"bank_training_{arguments.data}.json"
    path = script.out / name
    results = json.loads(path.read_text())["results"] if path.exists() else []
    data = data_set(arguments.data)
    for case in cases_of(arguments.data):
        if any(all(result[key] == value for key, value in asdict(case).items()) for result in results):
            continue
        results.append(trained(case, data))
        print(told(results[-1]), flush=True)
        script.save(name, {"hidden": HIDDEN, "latents": LATENTS, "seeds": len(SEEDS), "results": results})


if __name__ == "__main__":
    parser = parser_of(__doc__, "bank_training_DATA.json")
    parser.add_argument("--data", choices=("digits", "sprites"), required=True)
    main(parser.parse_args())
