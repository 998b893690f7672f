"""The finding on recovery: how much of the ceiling is recovered, by which beta, and whether it is more than chance."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, counted, listed, mean_over_seeds, plus_minus
from pyvae.report.statistics import Interval, best_of, seed_means, simultaneous, t_interval, welch_interval
from pyvae.studies.biased_grid.results import Results

QUESTION = "How much of what could be recovered is recovered?"
RECOVERED = "train_recovered_nats"
LEAST_SHOWN = 0.0005  # nats that do not print as 0.000


class Best(NamedTuple):
    """The beta with the highest mean at one mu."""

    beta: float
    nats: Interval
    rivals: tuple[float, ...]
    """The betas that it is not clear of."""
    others: int
    """Other betas that have a value."""
    recovered: bool
    """Whether it is more than untrained models read by chance."""


def about_recovery(results: Results) -> Answer:
    """How much of the ceiling is recovered, and by which beta."""
    found = [best_at(results, i) for i in range(len(results.mus))]
    details = [_at(results, i, found[i]) for i in sorted({0, len(found) - 1})]
    if len(results.betas) > 1:
        details += [_over_mus(results, found)] if len(found) > 1 else []
        details += [_clear_note(results)] if len(results.seeds) > 1 else []
    if results.config.theory_holds:
        details.append(_linear_sentence(results))
    details += _chance(results)
    return Answer("recovery", QUESTION, _verdict(results, found), tuple(details))


def best_at(results: Results, i: int) -> Best | None:
    """Of the i-th mu; None where no model gives a value. The best of several betas is measured against untrained models
    by an interval that holds for all of them at once, or without one against the highest of these.
    """
    nats, untrained = results.grid(RECOVERED)[i], results.untrained(RECOVERED)
    known = int((~np.isnan(nats)).any(axis=1).sum())
    if not known:
        return None
    top, rivals = best_of(nats)
    mean, gap = t_interval(nats[top]), welch_interval(nats[top], untrained, simultaneous(known))
    recovered = gap.above_zero if gap.known else mean.mean > untrained.max()
    return Best(float(results.betas[top]), mean, tuple(results.betas[list(rivals)].tolist()), known - 1, recovered)


def _verdict(results: Results, found: list[Best | None]) -> str:
    share = results.fraction_recovered()
    axes = [symbol for symbol, values in (("μ", results.mus), ("β", results.betas)) if len(values) > 1]
    models, reads = ("The model", "s") if results.table.num_rows == 1 else ("Models", "")
    seeds = counted(len(results.seeds), "seed")
    overall = f"{plus_minus(t_interval(seed_means(share)))} of what the noised images hold of the true latents"
    over = f", averaged over {' and '.join(axes)}" if axes else ""
    if not any(best.recovered for best in found if best):
        return (
            f"Nothing is shown to be recovered: {models.lower()} read{reads} {overall}{over} ({seeds}), and at no μ is "
            "the highest clear of what untrained models read by chance."
        )
    short = f"{models} recover{reads} {overall}{over} ({seeds})"
    return f"{short}; {_best_cell(results)}." if axes else f"{short}."


def _best_cell(results: Results) -> str:
    share = results.fraction_recovered()
    i, j = np.unravel_index(int(np.nanargmax(mean_over_seeds(share))), share.shape[:2])
    highest = "highest mean of a cell" if len(results.seeds) > 1 else "highest reading"
    place = f"μ = {results.mus[i]:g} and β = {results.betas[j]:g}"
    return f"the {highest} is {plus_minus(t_interval(share[i, j]))}, at {place}"


def _at(results: Results, i: int, best: Best | None) -> str:
    """What an image holds at one mu, and which beta recovers the most of it."""
    place = f"At μ = {results.mus[i]:g}"
    if best is None:
        return f"{place} no model gives a value."
    holds = f"{place} an image holds {results.ceilings[i]:.2f} nats of the true latents"
    share = f"{best.nats.mean / results.ceilings[i]:.0%} of them, a lower bound, {counted(best.nats.seeds, 'seed')}"
    nats = f"{plus_minus(best.nats)} nats"
    told = f"at β = {best.beta:g}: {nats} ({share})"
    highest = "reading" if best.nats.seeds == 1 else "mean"
    if not best.recovered:
        chance = f"{plus_minus(t_interval(results.untrained(RECOVERED)))}, {counted(results.baseline.num_rows, 'run')}"
        return (
            f"{holds}; none is shown to be recovered: the highest {highest}, {nats} at β = {best.beta:g} ({share}), is "
            f"not clear of what untrained models read by chance ({chance})."
        )
    if not best.others:
        return f"{holds}; models recover {told}."
    if best.nats.seeds == 1:
        return f"{holds}; the highest reading is {told}."
    if len(best.rivals) == best.others:
        return f"{holds}; by which β the most is recovered cannot be told, the highest mean is {told}."
    but = listed([f"{beta:g}" for beta in best.rivals])
    return f"{holds}; the most is recovered {told}, clear of {f'all but β = {but}' if but else 'every other β'}."


def _over_mus(results: Results, found: list[Best | None]) -> str:
    """How often each beta has the most to itself."""
    won = [best for best in found if best and best.recovered]
    if not won:
        return "At no μ is it shown that more is recovered than untrained models read by chance."
    seeds = counted(len(results.seeds), "seed")
    head = f"At {len(won)} of {len(found)} values of μ more is recovered than untrained models read by chance ({seeds})"
    if len(results.seeds) == 1:
        return f"{head}; the highest reading is that of {_places(Counter(best.beta for best in won))}."
    alone = Counter(best.beta for best in won if not best.rivals)
    open_at = len(won) - alone.total()
    if not alone:
        return f"{head}; at none of them is one β clear of every other."
    return f"{head}; clear of every other β is {_places(alone)}{f', and none at {open_at}' if open_at else ''}."


def _places(counts: Counter[float]) -> str:
    return listed([f"β = {beta:g} at {count}" for beta, count in counts.most_common()])


def _clear_note(results: Results) -> str:
    betas = len(results.betas)
    pairs = betas * (betas - 1) // 2
    level = decimals(100 * simultaneous(pairs), 2)
    together = f", so that all {pairs} pairs of β hold at once at a μ" if pairs > 1 else ""
    return (
        "± is half the 95 % t interval over seeds; that one β is clear of another rests on Welch's intervals of "
        f"{level} %{together}."
    )


def _linear_sentence(results: Results) -> str:
    beta, over = results.reference, ", averaged over μ" if len(results.mus) > 1 else ""
    share = results.fraction_recovered()[:, list(results.betas).index(beta)]
    models = "The trained model recovers" if share.size == 1 else "The trained models recover"
    return (
        f"The best linear VAE of {counted(results.config.model.latents, 'latent')} would recover "
        f"{results.linear_theory_fraction(beta).mean():.3f} of the ceiling at β = {beta:g}{over}: its code is sampled, "
        f"and truth is predicted linearly from it. {models} {plus_minus(t_interval(seed_means(share)))} there "
        f"({counted(len(results.seeds), 'seed')})."
    )


def _chance(results: Results) -> list[str]:
    """What untrained models read, where it does not print as nothing."""
    noise, runs = t_interval(results.untrained(RECOVERED)), counted(results.baseline.num_rows, "run")
    if noise.mean < LEAST_SHOWN:
        return []
    last = f"{noise.mean / results.ceilings[-1]:.3f} at μ = {results.mus[-1]:g}"
    return [
        f"Untrained models read {plus_minus(noise)} nats by chance ({runs}), a share of {last}: smaller differences "
        "mean nothing there."
    ]
