"""What a last batch of few rows does to the estimates of mutual information and total correlation, and to training.

    python benchmarks/last_batch.py               # last_batch.json into the results of this machine, four minutes
    python benchmarks/last_batch.py --out DIR --data digits --epochs 20

scikit-learn's digits (N = 1797, 5 rows left over from batches of 64 or 256) and rendered sprites (N = 4356, 4 left
over). First, beta-TCVAEs and VAEs that deal with the rows left over in four ways:

    drop_last   every epoch leaves them out
    kept        a last step on their mean loss, as every DataLoader does by default
    weighted    a last step whose loss is weighed by its share of a whole batch
    even        one step as many as kept, batches of equal size

Models of one seed start with the same weights and see the data in the same order. The mutual information is the exact
one, of the aggregate posterior, after the last step of an epoch, and for the last epoch before that step as well.
Then, on the first model that dropped them, what minibatches of M rows estimate, beside the exact values.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import torch
from sklearn.datasets import load_digits
from torch import Tensor

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.data import Sprites
from pyvae.losses import BernoulliReconstruction, BetaTCVAE, BetaVAE, Objective
from pyvae.nn import StackedVAE

WAYS = ("drop_last", "kept", "weighted", "even")
QUANTITIES = ("mutual_information", "total_correlation", "dimwise_kl")
SIZES = (2, 5, 16, 64, 256, 1024)
ROWS_SEEN = 20_000  # by the estimates of one size, or the least number of minibatches
LEAST_REPEATS = 200


@dataclass(frozen=True)
class Case:
    """One objective on one data set; seeds 0, 1, … are one stack."""

    data: str
    objective: str
    batch_size: int
    epochs: tuple[int, ...]  # after which models are measured

    def loss(self, rows: int) -> Objective:
        return BetaVAE(1.0) if self.objective == "vae" else BetaTCVAE(rows, beta=6.0, estimator=self.objective)  # type: ignore[arg-type]


CASES = (
    Case("digits", "mss", 64, (10, 20, 40, 80)),
    Case("digits", "balanced", 64, (10, 20, 40, 80)),
    Case("digits", "vae", 64, (10, 20, 40, 80)),
    Case("digits", "mss", 256, (40, 80, 160)),
    Case("sprites", "mss", 64, (10, 20)),
    Case("sprites", "mss", 256, (20, 40)),
)
HIDDEN, LATENTS, LEARNING_RATE = (128,), 10, 1e-3


def images_of(data: str) -> Tensor:
    """[N, pixels] in [0, 1]."""
    if data == "digits":
        return torch.tensor(load_digits().data / 16, dtype=torch.float32)
    sprites = Sprites(sizes=(3, 4, 3, 11, 11), side=16)
    return sprites.images(sprites.test_factors())


# --- Training ---------------------------------------------------------------------------------------------------------


def batches(order: Tensor, size: int, way: str) -> tuple[Tensor, ...]:
    """An epoch's rows for each model, order [K, N], as batches [K, M]."""
    rows = order.shape[1]
    if way == "even":
        return order.tensor_split(math.ceil(rows / size), -1)
    return order.split(size, -1)[: rows // size if way == "drop_last" else None]


def train(case: Case, way: str, images: Tensor, seeds: int) -> Iterator[tuple[int, str, StackedVAE]]:
    """(epoch, "after" or "before" its last step, the stack), wherever models are to be measured."""
    orders = torch.Generator().manual_seed(0)
    noise = torch.Generator().manual_seed(1)
    model = StackedVAE(seeds, images.shape[1], HIDDEN, LATENTS, seeds=range(seeds))
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    objective, likelihood = case.loss(len(images)), BernoulliReconstruction()
    for epoch in range(1, case.epochs[-1] + 1):
        parts = batches(torch.rand(seeds, len(images), generator=orders).argsort(-1), case.batch_size, way)
        for number, rows in enumerate(parts, 1):
            if number == len(parts) and epoch == case.epochs[-1]:
                yield epoch, "before", model
            x = images[rows]
            mu, logvar = model.encode(x)
            z = pyvae.reparameterize(mu, logvar, generator=noise)
            loss = objective(likelihood(x, model.decode(z)), z, mu, logvar).loss.mean(-1).sum()
            if way == "weighted":
                loss = loss * (rows.shape[1] / case.batch_size)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if epoch in case.epochs:
            yield epoch, "after", model


@torch.no_grad()
def exact(mu: Tensor, logvar: Tensor, samples: int) -> dict[str, tuple[float, float]]:
    """Each quantity and its standard error."""
    parts = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(samples, seed=0)
    found = parts.mutual_information, parts.total_correlation, parts.dimwise_kl_sum
    return {name: (float(e.value), float(e.standard_error)) for name, e in zip(QUANTITIES, found, strict=True)}


# --- Estimates --------------------------------------------------------------------------------------------------------


def estimates(mu: Tensor, logvar: Tensor, truth: dict[str, tuple[float, float]]) -> Iterator[dict[str, object]]:
    """Bias of each quantity for each minibatch size and estimator; all see the same minibatches."""
    count = len(mu)
    for size in (size for size in SIZES if size < count):
        generator = torch.Generator().manual_seed(size)
        repeats = max(LEAST_REPEATS, ROWS_SEEN // size)
        rows = torch.stack([torch.randperm(count, generator=generator)[:size] for _ in range(repeats)])
        z = pyvae.reparameterize(mu[rows], logvar[rows], generator=generator)
        for estimator in ("mss", "balanced", "mws"):
            parts = pyvae.kl_decomposition(z, mu[rows], logvar[rows], dataset_size=count, estimator=estimator)  # type: ignore[arg-type]
            for name in QUANTITIES:
                means = getattr(parts, name).double().mean(-1)
                error = math.hypot(float(means.std()) / math.sqrt(repeats), truth[name][1])
                yield {
                    "M": size,
                    "estimator": estimator,
                    "quantity": name,
                    "value": float(means.mean()),
                    "bias": float(means.mean()) - truth[name][0],
                    "bias_error": error,
                }


def pairs(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Mutual information less that of the model of the same seed that dropped the rows left over."""
    found = []
    keys = ("data", "objective", "batch_size", "epoch")
    for of in dict.fromkeys(tuple(row[key] for key in keys) for row in rows if row["when"] == "after"):
        group = [row for row in rows if row["when"] == "after" and tuple(row[key] for key in keys) == of]
        values = {way: torch.tensor([row["mutual_information"] for row in group if row["way"] == way]) for way in WAYS}
        for way in WAYS[1:]:
            gained = (values[way] - values["drop_last"]).double()
            found.append(
                dict(zip(keys, of, strict=True))
                | {
                    "way": way,
                    "drop_last": float(values["drop_last"].mean()),
                    "difference": float(gained.mean()),
                    "error": float(gained.std()) / math.sqrt(len(gained)),
                    "lower": int((gained < 0).sum()),
                    "of": len(gained),
                }
            )
    return found


def main() -> None:
    parser = parser_of(__doc__, "last_batch.json")
    parser.add_argument("--data", nargs="+", default=["digits", "sprites"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="one number for all cases")
    parser.add_argument("--samples", type=int, default=4000, help="samples of the aggregate posterior")
    arguments = parser.parse_args()
    script = begin(arguments, threads=1)  # the networks are too small for two
    trained: list[dict[str, object]] = []
    biases: list[dict[str, object]] = []
    cases = [case for case in CASES if case.data in arguments.data]
    for case in [replace(case, epochs=(arguments.epochs,)) for case in cases] if arguments.epochs else cases:
        images = images_of(case.data)
        left_over = len(images) % case.batch_size
        for way in WAYS:
            for epoch, when, model in train(case, way, images, arguments.seeds):
                with torch.no_grad():
                    mu, logvar = (t.contiguous() for t in model.encode(images))
                found = [exact(mu[k], logvar[k], arguments.samples) for k in range(arguments.seeds)]
                named = {name: value for name, value in asdict(case).items() if name != "epochs"}
                trained += [
                    {**named, "N": len(images), "left_over": left_over}
                    | {"way": way, "epoch": epoch, "when": when, "seed": k}
                    | {name: value for name, (value, _) in values.items()}
                    for k, values in enumerate(found)
                ]
                shown = " ".join(f"{values['mutual_information'][0]:.2f}" for values in found)
                print(
                    f"{case.data} {case.objective} {case.batch_size} {way:9s} {epoch:3d} {when:6s} {shown}", flush=True
                )
            if (case.objective, case.batch_size, way) == ("mss", 64, "drop_last"):
                truth = {name: {"value": v, "error": e} for name, (v, e) in found[0].items()}
                rows = list(estimates(mu[0], logvar[0], found[0]))
                biases.append({"data": case.data, "N": len(images), "exact": truth, "rows": rows})
    differences = pairs(trained)
    for row in differences:
        print(row)
    settings = {"hidden": HIDDEN, "latents": LATENTS, "learning_rate": LEARNING_RATE, "beta": 6.0}
    settings |= {"seeds": arguments.seeds, "samples": arguments.samples}
    script.save("last_batch.json", settings | {"bias": biases, "pairs": differences, "models": trained})


if __name__ == "__main__":
    main()
