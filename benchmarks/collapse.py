"""Where latents collapse: the beta at which each latent of a VAE falls out of use, beside beta_k = lambda_k / sigma^2.

    python -m benchmarks.collapse                         # collapse.json
    python -m benchmarks.collapse --only "means linear"   # one part; of the others collapse.json keeps what it has
    python -m benchmarks.collapse --seeds 5               # goes on with two more
    python -m benchmarks.collapse --steps 3000 --out /tmp/try

Linear theory (pyvae/studies/biased_grid/theory.py) has the k-th latent of a Gaussian VAE in use while
beta < lambda_k / sigma^2, lambda_k being the k-th eigenvalue of the images' covariance, noise included. On the grid all
nine are 1 + 49 Var(sigmoid(z)) / 0.25. one_block.py has what the best nonlinear VAE does.

A ladder is a stack of models, a rung each: betas around the prediction, 1 % apart (2 % with the grid's images, 6 % with
sprites), all trained alike. Bisection would need round after round, each as long, and one verdict made too early would
mislead all that follow; of a ladder the whole curve KL_k(beta) is seen, which linear theory has at
log(beta_k / beta) / 2. The closer models are to the boundary, the longer they take (critical slowing down). So no rung
starts from nothing: "from use" trains at 0.7 beta first, where every latent is in use, and raises beta to the rung's
in the first third of the steps; "from collapse" starts at 1.3 beta and lowers it. Where solutions are unique both end
alike; where they do not, there are two of them, or training was too short. In the second half of the steps the learning
rate falls to a hundredth: what Adam's restlessness adds to a KL, or takes from it, goes with it.

Images come in units of their noise and without their mean, which changes no optimum: at mu = 2 a mean image of 0.86
moves every code by as much as the blocks do, with each step of Adam. "means" are 9 numbers, those of the blocks, whose
other 48 directions hold noise alone: the same boundary at less work; "images" are all 441 pixels.

A latent collapses where its KL, followed upwards in beta, is 0: by a line in log beta through the last FITTED rungs at
which it is above IN_USE nats, no farther than what linear theory has to the first one at which it is not. Nearer to the
boundary the KL is what is left of the start. The KL of the best VAE is read alike.

Every rung is trained with three seeds, whose ladders are read each for itself: what is told is the mean over a ladder's
latents, with the 95 % t interval over seeds. The latents of one model share its images and its steps, so that their
scatter is no such interval. Latents that no ladder shows to collapse have no boundary: how many have one stands beside
the mean.

A few rungs are trained at a time and kept: a run that is killed goes on with the next ones. Results are the same for
any number of threads.
"""

import argparse
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.collapse_ladders import MUS, Array, Ladder, ladders, trained_kl
from benchmarks.one_block import transition
from benchmarks.script import Script, begin, parser_of
from pyvae.report.answer import listed
from pyvae.report.statistics import t_interval

NAME, BEST = "collapse.json", "best block"
PROTOCOL = 2
"""What makes results comparable beside the settings: of 1 were those with one seed, and with held-out images that
depended on the number of threads."""
SEEDS = 3
IN_USE, FITTED = 0.02, 6
"""Nats above which training has settled, 4 % below the boundary by linear theory; rungs of the line to 0."""
AT_ONCE = 8
"""Rungs."""

# --- What is read off -------------------------------------------------------------------------------------------------


def collapse_points(betas: Sequence[float], kl: Array) -> list[float]:
    """The beta at which each latent collapses: of betas [R] in ascending order and KL [R, L] -> [L].

    NaN for a latent that is in use at the last rung, or at fewer than FITTED.
    """
    return [_collapse(np.log(np.asarray(betas)), column) for column in kl.T]


def _collapse(log_beta: Array, kl: Array) -> float:
    used = np.flatnonzero(kl >= IN_USE)
    if len(used) < FITTED or used[-1] == len(kl) - 1:
        return math.nan
    last = int(used[-1])
    slope, offset = np.polyfit(log_beta[used[-FITTED:]], kl[used[-FITTED:]], 1)
    end = -offset / slope if slope < 0 else math.inf
    # At the next rung a latent may hold what IN_USE leaves unseen, by linear theory for another 2 IN_USE in log beta.
    return math.exp(min(max(end, log_beta[last]), log_beta[last + 1] + 2 * IN_USE))


def measured(ladder: Ladder, mu: float, kl: Mapping[str, Array]) -> dict[str, Any]:
    """What a ladder says at a mu, of its KL [rungs, latents] by seed: where every latent collapses."""
    predicted = ladder.predicted(mu)
    found = {seed: collapse_points(ladder.rungs[mu], one) for seed, one in kl.items()}
    ratios = {seed: np.array(betas) / np.array(predicted) for seed, betas in found.items()}
    return {
        "predicted": list(predicted),
        "betas": list(ladder.rungs[mu]),
        "collapse": {seed: [_or_none(beta) for beta in betas] for seed, betas in found.items()},
        "over_predicted": {seed: [_or_none(ratio) for ratio in own] for seed, own in ratios.items()},
        "mean_over_predicted": _mean(list(ratios.values())),
    }


def _mean(ratios: Sequence[Array]) -> dict[str, Any]:
    """The mean over those latents that collapse, [latents] for each seed, with half its interval over seeds."""
    known = [own[~np.isnan(own)] for own in ratios]
    over = t_interval(np.array([own.mean() for own in known if len(own)]))
    return {
        "mean": _or_none(over.mean),
        "half": _or_none(over.half),
        "seeds": over.seeds,
        "latents": [len(own) for own in known],
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


# --- The run ----------------------------------------------------------------------------------------------------------


def main() -> None:
    arguments = _parser().parse_args()
    script = begin(arguments)
    facts = {name: getattr(arguments, name) for name in ("steps", "learning_rate", "batch_size")}
    held = _held(script.out / NAME, {"protocol": PROTOCOL, **facts})
    for ladder in ladders():
        if arguments.only in (None, ladder.name):
            _climb(script, held, ladder, range(arguments.seeds), facts)
    if arguments.only in (None, BEST):
        _solve(script, held)


def _climb(
    script: Script, held: dict[str, Any], ladder: Ladder, seeds: Sequence[int], facts: Mapping[str, Any]
) -> None:
    """Trains the rungs that are not there yet, and tells what they say."""
    found = held["ladders"].setdefault(ladder.name, {})
    for mu, betas in ladder.rungs.items():
        one = found.setdefault(f"{mu:g}", {"kl": {}})
        for seed in seeds:
            recipe, kl = ladder.recipe(mu, seed, **facts), one["kl"].setdefault(f"{seed}", [])
            while len(kl) < len(betas):
                rungs = slice(len(kl), len(kl) + AT_ONCE)
                kl += np.round(trained_kl(dataclasses.replace(recipe, cells=recipe.cells[rungs])), 5).tolist()
                script.save(NAME, held)
        one |= measured(ladder, mu, {seed: np.array(kl) for seed, kl in one["kl"].items() if len(kl) == len(betas)})
        script.save(NAME, held)
        _tell(ladder.name, mu, one)


def _solve(script: Script, held: dict[str, Any]) -> None:
    """Finds the best VAE of a block where it is not there yet, and tells what it says."""
    for mu in MUS:
        if f"{mu:g}" not in held["best_block"]:
            held["best_block"][f"{mu:g}"] = _best(mu)
            script.save(NAME, held)
        best = held["best_block"][f"{mu:g}"]
        _print(
            f"the best VAE of a block, mu {mu:g}: in use to {best['fold']:.3f} of lambda_k / sigma^2, better than the "
            f"collapsed one to {best['equal']:.3f}; read as ladders are {best['read_as_ladders']:.3f}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, NAME)
    parser.add_argument("--steps", type=int, default=8000, help="of every model")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="of Adam")
    parser.add_argument("--batch-size", type=int, default=128, help="images per step")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of every rung, from 0")
    parser.add_argument("--only", choices=[*(ladder.name for ladder in ladders()), BEST], help="one part")
    return parser


def _held(path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier call with the same facts has written; SystemExit where a file has others, which would be lost."""
    held = json.loads(path.read_text()) if path.is_file() else dict(facts)
    if others := {name: held.get(name) for name in facts if held.get(name) != facts[name]}:
        asked = {name: facts[name] for name in others}
        raise SystemExit(
            f"--out must be a folder without {NAME} of other settings, but {path} has {others}, not {asked}"
        )
    held.pop("machine", None)
    return {**facts, "in_use_nats": IN_USE, "ladders": {}, "best_block": {}, **held}


def _best(mu: float) -> dict[str, Any]:
    found = transition(mu)
    ratios, kl = [b.ratio for b in found.branch], np.array([[b.kl] for b in found.branch])
    beyond = [*ratios, ratios[-1] * 1.01], np.concatenate([kl, np.zeros((1, 1))])
    return {
        "equal": round(found.equal, 4),
        "fold": round(found.fold, 4),
        "read_as_ladders": round(collapse_points(*beyond)[0], 4),
        "ratios": [round(ratio, 5) for ratio in ratios],
        "kl": [round(b.kl, 6) for b in found.branch],
    }


def _tell(name: str, mu: float, found: Mapping[str, Any]) -> None:
    mean, seeds = found["mean_over_predicted"], list(found["over_predicted"])
    for seed, ratios in found["over_predicted"].items():
        shown = " ".join("-" if ratio is None else f"{ratio:.3f}" for ratio in ratios)
        _print(f"{name}, mu {mu:g}, seed {seed}: latents collapse at {shown} of lambda_k / sigma^2")
    if mean["mean"] is not None:
        interval = "" if mean["half"] is None else f" ± {mean['half']:.3f}, half the 95 % interval"
        latents = listed([str(count) for count in mean["latents"]])
        _print(f"  mean {mean['mean']:.3f}{interval}, over {latents} latents of seeds {listed(seeds)}")


def _print(text: str) -> None:
    Console().print(text, highlight=False)


if __name__ == "__main__":
    main()
