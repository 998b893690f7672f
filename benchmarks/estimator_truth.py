"""What minibatch estimators report of trained models, beside the exact values, and beside other packages' own code.

    python -m benchmarks.estimator_truth                      # estimator_truth.json and .png, some minutes
    python -m benchmarks.estimator_truth --peers ../peers/bin/python

Three VAEs of rendered sprites (N = 6144, 10 latents) and the codes of all N images. Minibatches of M = 32 to N rows,
drawn without replacement, are read by pyvae's mws, mss and balanced, and by the stratified weights as they are widely
copied ("column 0"); estimators.py does the first three for posteriors that are made up. The exact value is the
aggregate posterior's. With --peers, a Python that has pythae or disent (`pip install pythae==0.1.2 disent==0.8.0`),
their own functions read the first minibatches of each size up to 2048: estimator_peers.py.

What an estimator's normalisation adds whatever the codes, as (D - 1) log N, is in the file's values, and beside them as
"offset"; the figure leaves it out.
"""

import json
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from rich.console import Console
from rich.progress import track
from torch import Tensor

import pyvae
from benchmarks.estimators import LOOKS as OWN_LOOKS
from benchmarks.estimators import minibatches
from benchmarks.perfect_code import COPIED
from benchmarks.script import begin, parser_of
from pyvae.aggregate import Estimate
from pyvae.data import Sprites
from pyvae.losses import BernoulliReconstruction, BetaTCVAE, BetaVAE
from pyvae.nn import StackedVAE
from pyvae.ops.reference import log_normal
from pyvae.plotting.numbers import decimals
from pyvae.plotting.style import INK, new_figure, save_png, tidy
from pyvae.training import Recipe, TrainingSettings, product, train

SPRITES = Sprites(sizes=(3, 4, 8, 8, 8), side=16)
N, HIDDEN, LATENTS = SPRITES.count, (256, 256), 10
SIZES = (*(2**k for k in range(5, 13)), N)
ROWS_SEEN, REPEATS = 2**16, (20, 200)  # minibatches of a size: as many as hold so many rows, within these bounds
PEER_ROWS_SEEN, PEER_REPEATS = 2**13, (4, 50)
PEER_LARGEST = 2048  # a peer holds several tensors of M x M x D numbers, and takes seconds for each minibatch
QUANTITIES = ("mutual_information", "total_correlation", "dimwise_kl")
WORDS = dict(zip(QUANTITIES, ("mutual information", "total correlation", "dimension-wise KL"), strict=True))
PEERS = ("pythae, use_mss=True", "pythae, use_mss=False", "disent")
# What each peer computes, to compare with minibatch by minibatch; disent leaves its sums without a normalisation.
TWINS = dict(zip(PEERS, (COPIED, "mws", "mws"), strict=True))
# Okabe and Ito's colours. Peers lie on their twins: their markers are larger and hollow.
LOOKS = {**OWN_LOOKS, COPIED: ("#CC79A7", "D", 4)}
PEER_LOOKS = dict(zip(PEERS, (("#0072B2", "v", 10), ("#B8860B", "h", 10), ("#000000", "P", 9)), strict=True))
# In the table.
SHOWN_SIZES, SHOWN_QUANTITIES = (64, 1024), QUANTITIES[:2]
SHOWN_ESTIMATORS = ("mss", COPIED, "pythae, use_mss=True", "mws", "disent")

Codes = dict[str, tuple[Tensor, Tensor]]
Estimates = dict[tuple[str, int], dict[str, Tensor]]
"""For each model and size, and there for each estimator, a row of QUANTITIES for each minibatch."""


# --- Models -----------------------------------------------------------------------------------------------------------


def recipe_of(objective: type[BetaTCVAE | BetaVAE], strengths: tuple[float, ...], steps: int) -> Recipe:
    return Recipe(
        cells=product((0.0,), strengths, (0,)),
        settings=TrainingSettings(steps=steps, batch_size=128),
        data=SPRITES,
        bias=lambda cells: None,
        model=lambda models, seeds: StackedVAE(models, SPRITES.size, HIDDEN, LATENTS, seeds=seeds),
        likelihood=BernoulliReconstruction(),
        objective=objective,
        objective_settings={"dataset_size": N} if objective is BetaTCVAE else {},
    )


@torch.no_grad()
def trained_codes(steps: int) -> Codes:
    """mu and logvar [N, D] of all images, for each model by its name."""
    images = SPRITES.images(SPRITES.test_factors())
    codes: Codes = {}
    for objective, strengths in ((BetaVAE, (1.0,)), (BetaTCVAE, (1.0, 6.0))):
        trained = train(recipe_of(objective, strengths, steps))
        found = zip(trained.cells, *trained.model.encode(images), strict=True)
        codes |= {f"{objective.__name__}, beta {cell.strength:g}": (mu, logvar) for cell, mu, logvar in found}
    return codes


def exact(mu: Tensor, logvar: Tensor, samples: int) -> dict[str, dict[str, float]]:
    """Each quantity with its standard error and 95 % interval."""
    parts = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(samples, seed=1)
    found = parts.mutual_information, parts.total_correlation, parts.dimwise_kl_sum
    return {name: with_interval(estimate) for name, estimate in zip(QUANTITIES, found, strict=True)}


def with_interval(estimate: Estimate) -> dict[str, float]:
    value, error = float(estimate.value), float(estimate.standard_error)
    return {"value": value, "error": error, "low": value - 1.96 * error, "high": value + 1.96 * error}


# --- Estimates --------------------------------------------------------------------------------------------------------


def copied_log_densities(z: Tensor, mu: Tensor, logvar: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """log q(z) [M] and log q(z_d) [M, D] with the copied weights, of z, mu and logvar [M, D], M of at least 3.

    Their stride of M, where M + 1 was meant, puts the sample's own weight 1 / N into column 0, and the stratum's into
    column 1 and into row M - 2 of column 0. All else is 1 / (M - 1), whether or not the posterior is the sample's own.
    """
    rest = len(z) - 1
    stratum = math.log((count - rest) / (count * rest))
    first = torch.full((len(z), 1), -math.log(count))
    first[rest - 1] = stratum
    pairs = log_normal(z.unsqueeze(-2), mu[:2], logvar[:2])  # [M, 2, D]
    others = pyvae.minibatch_log_density(z, mu[2:], logvar[2:], estimator="full")
    share = math.log((rest - 1) / rest)

    def mixture(columns: Tensor, others: Tensor) -> Tensor:
        """[M, …] of the densities under columns 0 and 1, [M, 2, …], and the mean of the others, [M, …]."""
        own = columns[:, 0] + first.reshape(-1, *(1 for _ in others.shape[1:]))
        return torch.logaddexp(torch.logaddexp(own, columns[:, 1] + stratum), others + share)

    return mixture(pairs.sum(-1), others[0]), mixture(pairs, others[1])


def copied_decomposition(z: Tensor, mu: Tensor, logvar: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """pyvae.kl_decomposition with the copied weights: three tensors [M]."""
    log_qz, marginals = copied_log_densities(z, mu, logvar, count)
    log_prod_qz, zero = marginals.sum(-1), torch.zeros(())
    log_qz_given_x, log_pz = log_normal(z, mu, logvar).sum(-1), log_normal(z, zero, zero).sum(-1)
    return log_qz_given_x - log_qz, log_qz - log_prod_qz, log_prod_qz - log_pz


def decomposition(estimator: str, z: Tensor, mu: Tensor, logvar: Tensor, count: int) -> Tensor:
    """The three quantities of a minibatch, its means, [3] float64."""
    if estimator == COPIED:
        parts = copied_decomposition(z, mu, logvar, count)
    else:
        parts = pyvae.kl_decomposition(z, mu, logvar, dataset_size=count, estimator=estimator)  # type: ignore[arg-type]
    return torch.stack([part.double().mean() for part in parts])


def repeats_of(size: int, rows_seen: int, bounds: tuple[int, int]) -> int:
    least, most = bounds
    return min(max(least, rows_seen // size), most)


def estimates(mu: Tensor, logvar: Tensor, size: int) -> dict[str, Tensor]:
    """Of every estimator, [repeats, 3]; all see the same minibatches."""
    found: dict[str, list[Tensor]] = {estimator: [] for estimator in LOOKS}
    for rows, z in minibatches(mu, logvar, size, repeats_of(size, ROWS_SEEN, REPEATS)):
        for estimator, values in found.items():
            values.append(decomposition(estimator, z, mu[rows], logvar[rows], len(mu)))
    return {estimator: torch.stack(values) for estimator, values in found.items()}


def offset(estimator: str, quantity: str, size: int) -> float:
    """What an estimator's normalisation adds whatever the codes, in nats."""
    densities = {"mutual_information": 1, "total_correlation": LATENTS - 1, "dimwise_kl": -LATENTS}[quantity]
    if estimator == "disent":
        return -densities * math.log(size)  # of sums over the minibatch, no means
    return densities * math.log(N) if TWINS.get(estimator, estimator) == "mws" else 0.0


def rows_of(found: Estimates) -> Iterator[dict[str, Any]]:
    """Mean of the minibatches with its standard error, of every quantity that an estimator has."""
    for (model, size), of in found.items():
        for estimator, values in of.items():
            for quantity, column in zip(QUANTITIES, values.unbind(-1), strict=True):
                if bool(column.isfinite().all()):
                    yield {
                        "model": model,
                        "M": size,
                        "estimator": estimator,
                        "quantity": quantity,
                        "repeats": len(column),
                        "value": float(column.mean()),
                        "error": float(column.std()) / math.sqrt(len(column)),
                        "offset": offset(estimator, quantity, size),
                    }


# --- Peers ------------------------------------------------------------------------------------------------------------


def peer_cases(codes: Codes, sizes: list[int]) -> dict[str, np.ndarray]:
    """The first minibatches of each size, as estimator_peers.py takes them."""
    cases: dict[str, np.ndarray] = {"dataset_size": np.array(N)}
    for model, (mu, logvar) in codes.items():
        for size in (size for size in sizes if size <= PEER_LARGEST):
            repeats = repeats_of(size, PEER_ROWS_SEEN, PEER_REPEATS)
            drawn = [(z, mu[rows], logvar[rows]) for rows, z in minibatches(mu, logvar, size, repeats)]
            parts = zip(("z", "mu", "logvar"), zip(*drawn, strict=True), strict=True)
            cases |= {f"{model}/{size}/{name}": torch.stack(part).numpy() for name, part in parts}
    return cases


def ask_peers(python: str, codes: Codes, sizes: list[int]) -> dict[str, Any]:
    """What estimator_peers.py writes, run by `python`."""
    script = Path(__file__).with_name("estimator_peers.py")
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "codes.npz"), Path(folder, "peers.json")
        np.savez(source, **peer_cases(codes, sizes))  # type: ignore[arg-type]
        subprocess.run([python, str(script), str(source), str(target)], check=True)
        held: dict[str, Any] = json.loads(target.read_text())
        return held


def add_peers(found: Estimates, peers: list[dict[str, Any]]) -> None:
    """Their values as more estimators; NaN where a peer lacks a quantity."""
    for peer in peers:
        for row in peer["rows"]:
            of = row["values"]
            lacking = [math.nan] * len(next(iter(of.values())))
            columns = [of.get(quantity, lacking) for quantity in QUANTITIES]
            found[row["model"], row["M"]][peer["name"]] = torch.tensor(columns, dtype=torch.float64).T


def twin_difference(found: Estimates, peer: str) -> float:
    """The largest between a peer and what it computes, less their offsets, over the same minibatches, in nats."""
    largest = 0.0
    for (_, size), of in found.items():
        if peer in of:
            twin = of[TWINS[peer]][: len(of[peer])]
            offsets = [offset(peer, name, size) - offset(TWINS[peer], name, size) for name in QUANTITIES]
            has = ~of[peer].isnan().all(0)  # not every peer has every quantity
            largest = max(largest, float((of[peer] - twin - torch.tensor(offsets)).abs()[:, has].max()))
    return largest


def facts_of_peers(held: dict[str, Any], found: Estimates) -> dict[str, Any]:
    """Which function of which version was called, and how far its values are from its twin's."""
    peers = [
        {name: peer[name] for name in ("name", "version", "function")}
        | {"twin": TWINS[peer["name"]], "largest_difference": twin_difference(found, peer["name"])}
        for peer in held["peers"]
    ]
    return {"torch": held["torch"], "called": peers, "failed": held["failed"]}


# --- Figure and table -------------------------------------------------------------------------------------------------


def draw(held: dict[str, Any], path: Path) -> None:
    """A line of panels for each quantity, one for each model; bars are two standard errors."""
    truth = held["exact"]
    figure = new_figure(3.4 * len(truth) + 0.4, 2.7 * len(QUANTITIES) + 0.9)
    panels = figure.subplots(len(QUANTITIES), len(truth), sharex=True, squeeze=False)
    for line, quantity in zip(panels, QUANTITIES, strict=True):
        for axes, model in zip(line, truth, strict=True):
            of = truth[model][quantity]
            axes.axhspan(of["low"], of["high"], color=INK, alpha=0.25, linewidth=0)
            axes.axhline(of["value"], color=INK, linewidth=0.8, label="exact, with 95 % interval")
            chosen = [row for row in held["rows"] if (row["model"], row["quantity"]) == (model, quantity)]
            for estimator in (*LOOKS, *PEER_LOOKS):
                _plot(axes, [row for row in chosen if row["estimator"] == estimator], estimator)
            axes.set_xscale("log", base=2)
            title = f"{model}, exact {decimals(of['value'], 2)}"
            label = f"{WORDS[quantity]}, nats"
            last, first = quantity == QUANTITIES[-1], axes is line[0]
            tidy(axes, title, "minibatch size M" if last else "", label if first else "")
    # The line of total correlations has all estimators.
    handles, labels = panels[QUANTITIES.index("total_correlation"), 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=9, ncols=4, loc="outside upper center")
    save_png(figure, path)


def _plot(axes: Axes, rows: list[dict[str, Any]], estimator: str) -> None:
    if not rows:
        return
    colour, marker, size = {**LOOKS, **PEER_LOOKS}[estimator]
    values = [row["value"] - row["offset"] for row in rows]
    looks: dict[str, Any] = {"color": colour, "marker": marker, "markersize": size, "linewidth": 1.2}
    if estimator in PEER_LOOKS:
        looks |= {"linestyle": "none", "markerfacecolor": "none", "markeredgewidth": 1.0}
    label = f"{estimator}, less its offset" if any(row["offset"] for row in rows) else estimator
    axes.errorbar([row["M"] for row in rows], values, [2 * row["error"] for row in rows], label=label, **looks)


def table(held: dict[str, Any]) -> str:
    """Values as they are reported, with the exact ones, for docs/aggregate-posterior.md."""
    values = {(r["model"], r["quantity"], r["M"], r["estimator"]): r["value"] for r in held["rows"]}
    lines = [
        f"| model | quantity | exact, 95 % interval | M | {' | '.join(SHOWN_ESTIMATORS)} |",
        f"|{'---|' * (4 + len(SHOWN_ESTIMATORS))}",
    ]
    for model, quantities in held["exact"].items():
        for quantity, of in ((quantity, quantities[quantity]) for quantity in SHOWN_QUANTITIES):
            interval = f"{decimals(of['value'], 3)} ({decimals(of['low'], 3)} to {decimals(of['high'], 3)})"
            for size in sorted({row["M"] for row in held["rows"]} & set(SHOWN_SIZES)):
                found = [values.get((model, quantity, size, estimator)) for estimator in SHOWN_ESTIMATORS]
                cells = ["" if value is None else decimals(value, 2) for value in found]
                lines.append(f"| {model} | {WORDS[quantity]} | {interval} | {size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = parser_of(__doc__, "estimator_truth.json and estimator_truth.png")
    parser.add_argument("--steps", type=int, default=6000, help="of training")
    parser.add_argument("--samples", type=int, default=400_000, help="samples of the aggregate posterior")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="of minibatches, at most N")
    parser.add_argument("--peers", metavar="PYTHON", help="Python of an environment with pythae or disent")
    arguments = parser.parse_args()
    script = begin(arguments)
    codes = trained_codes(arguments.steps)
    truth = {model: exact(*of, arguments.samples) for model, of in codes.items()}
    cases = [(model, size) for model in codes for size in arguments.sizes]
    console = Console(stderr=True)
    found: Estimates = {case: estimates(*codes[case[0]], case[1]) for case in track(cases, console=console)}
    peers = None
    if arguments.peers is not None:
        held = ask_peers(arguments.peers, codes, arguments.sizes)
        add_peers(found, held["peers"])
        peers = facts_of_peers(held, found)
    settings = {"N": N, "D": LATENTS, "steps": arguments.steps, "samples": arguments.samples}
    script.save("estimator_truth.json", {**settings, "exact": truth, "peers": peers, "rows": list(rows_of(found))})
    saved = json.loads((script.out / "estimator_truth.json").read_text())
    draw(saved, script.out / "estimator_truth.png")
    print(table(saved))


if __name__ == "__main__":
    main()
