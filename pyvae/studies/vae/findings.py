"""The study's answers, most important first; every sentence is computed from its results."""

import math
from collections import Counter

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, all_diverged, listed
from pyvae.report.statistics import Array, simultaneous, t_interval, welch_interval
from pyvae.report.telling import one_line
from pyvae.studies.scores import told_share
from pyvae.studies.vae.evaluate import ALWAYS, OF_CODES
from pyvae.studies.vae.results import Results
from pyvae.studies.vae.texts import COLUMNS
from pyvae.studies.vae.training import too_short


def findings(results: Results) -> list[Answer]:
    """Only one answer where every model has diverged."""
    if not results.finite.any():
        return all_diverged()
    return [about_strength(results), about_latents(results), about_cost(results), about_limits(results)]


def label(column: str) -> str:
    """What texts call a column."""
    return COLUMNS[column][0] if column in COLUMNS else column


def told(values: Array, column: str) -> str:
    """The mean of a column over seeds [S], with half its interval where there is one."""
    interval, digits = t_interval(values), COLUMNS.get(column, ("", 3))[1]
    if not interval.seeds:
        return "no value"
    mean = decimals(interval.mean, digits)
    return f"{mean} ± {decimals(interval.half, digits)}" if interval.known else mean


def about_strength(results: Results) -> Answer:
    """By each score that asks about factors, and by the ELBO."""
    question = f"How strongly should a VAE of {results.config.data.data} be regularised?"
    columns = [name for name in (*results.supervised, "elbo") if not np.isnan(results.values(name)).all()]
    if not columns:
        short = "No number here says: there are no scores that ask about factors, and codes without variance no ELBO."
        return Answer("strength", question, short, ())
    if len(results.strengths) == 1:
        short = f"There is one strength, {results.named(results.strengths[0])}: nothing to choose from."
        values = [f"{label(name)}: {told(results.values(name)[0], name)}." for name in columns]
        return Answer("strength", question, short, tuple(values))
    pairs = sum(math.comb(len(_known(results, name)), 2) for name in columns)
    left = {name: candidates(results, name, pairs) for name in columns}
    details = tuple(_about_column(results, name, left[name]) for name in columns)
    training = too_short(results.config, results.curves)
    if len(results.seeds) == 1:
        short = f"One seed gives readings, and no verdict: see below. {training}"
        return Answer("strength", question, short.rstrip(), details)
    groups: dict[tuple[float, ...], list[str]] = {}
    for name in columns:
        groups.setdefault(left[name], []).append(label(name))
    untold = groups.pop((), [])
    parts = [f"{_either(results, strengths)} by {listed(names)}" for strengths, names in groups.items()]
    if untold:
        parts.append(f"{'by' if parts else 'By'} {listed(untold)} it cannot be told")
    short = f"{'; '.join(parts)} ({len(results.seeds)} seeds). {training}"
    return Answer("strength", question, short.rstrip(), (*details, _rule(pairs)))


def _rule(pairs: int) -> str:
    """What "clear" means here."""
    if pairs < 2:
        return "What is clear is so by Welch's interval of 95 %; ± is half the 95 % t interval over seeds."
    return (
        f"What is clear is so by intervals of {decimals(100 * simultaneous(pairs), 1)} %, so that all {pairs}, of each "
        "pair of strengths by each score, hold at once in 95 of 100 studies; ± is half the 95 % t interval over seeds."
    )


def candidates(results: Results, column: str, pairs: int) -> tuple[float, ...]:
    """The strength with the highest mean, and those from which it is not clear, in ascending order; none where it is
    clear of no other. Intervals of so many pairs, of strengths and of scores, hold at once.
    """
    known = _known(results, column)
    best, level = _best(known), simultaneous(pairs)
    left = [s for s, row in known.items() if not welch_interval(known[best], row, level).above_zero]
    return tuple(left) if len(left) < len(known) else ()


def _known(results: Results, column: str) -> dict[float, Array]:
    """Values [S] by strength, of those of which any seed has one."""
    values = zip(results.strengths, results.values(column), strict=True)
    return {strength: row for strength, row in values if not np.isnan(row).all()}


def _best(known: dict[float, Array]) -> float:
    return max(known, key=lambda strength: float(np.nanmean(known[strength])))


def _either(results: Results, strengths: tuple[float, ...]) -> str:
    """ "β = 1, 2 or 4"."""
    *others, last = (f"{strength:g}" for strength in strengths)
    return f"{results.config.symbol} = {' or '.join(filter(None, (', '.join(others), last)))}"


def _about_column(results: Results, column: str, left: tuple[float, ...]) -> str:
    known = _known(results, column)
    best = _best(known)
    others = ", ".join(f"{told(row, column)} at {strength:g}" for strength, row in known.items() if strength != best)
    found = f"{told(known[best], column)} at {results.named(best)}"
    if len(results.seeds) == 1:
        found = f"the highest reading is {found}"
    elif not left:
        found = f"it cannot be told; the highest mean is {found}"
    else:
        but = listed([f"{strength:g}" for strength in left if strength != best])
        found += f" is clear of {f'all but {but}' if but else 'every other strength'}"
    return f"{label(column)}: {found}{f'; {others}' if others else ''}."


def about_latents(results: Results) -> Answer:
    """Active latents, and the KL with its parts."""
    question = "How many latents does each strength keep in use?"
    active = results.values("active_latents")
    if np.isnan(active).all():
        short = "Codes have no variance that could be measured: no latent has an amount of information."
        return Answer("latents", question, short, ())
    kept = [
        f"{results.named(strength)} keeps {told(row, 'active_latents')}"
        for strength, row in zip(results.strengths, active, strict=True)
    ]
    shown = kept if len(kept) <= 4 else [kept[0], kept[len(kept) // 2], kept[-1]]
    details = [
        f"{results.named(strength)}: "
        + ", ".join(f"{label(name)} {told(results.values(name)[i], name)}" for name in OF_CODES[:-1])
        + " nats."
        for i, strength in enumerate(results.strengths)
    ]
    latents = results.config.model.latents
    short = f"Of {latents} latent{'' if latents == 1 else 's'} {listed(shown)} active{_over(results)}."
    return Answer("latents", question, short, tuple(details))


def about_cost(results: Results) -> Answer:
    """Reconstruction against strength."""
    question = "What does regularisation cost in reconstruction?"
    values = results.values("reconstruction")
    known = [i for i, row in enumerate(values) if not np.isnan(row).all()]
    first, last = known[0], known[-1]
    columns = ("reconstruction", "squared_error", "elbo")
    details = [
        f"{results.named(strength)}: {', '.join(f'{label(n)} {told(results.values(n)[i], n)}' for n in columns)}."
        for i, strength in enumerate(results.strengths)
    ]
    if first == last:
        only = told(values[first], "reconstruction")
        short = f"There is one strength to tell of, {results.named(results.strengths[first])}: {only} nats an image."
        return Answer("cost", question, short, tuple(details))
    ends = [f"{told(values[i], 'reconstruction')} nats at {results.named(results.strengths[i])}" for i in (first, last)]
    difference = welch_interval(values[last], values[first])
    more = decimals(difference.mean, 2, signed=True)
    if difference.known:
        change = f"{more} ± {decimals(difference.half, 2)} nats an image"
        change += ", which cannot be told from none" if difference.undecided else ""
    else:
        change = f"{more} nats an image, a reading without an interval"
    short = f"Error is {ends[0]} and {ends[1]}: {change}{_over(results)}."
    return Answer("cost", question, short, tuple(details))


def about_limits(results: Results) -> Answer:
    """Seeds, time, data, and the family that verdicts are of."""
    training, seeds = results.config.training, len(results.seeds)
    spread = f"intervals are over its {seeds} seeds alone" if seeds > 1 else "one seed, and so no interval at all"
    short = f"One data set, one network, one objective: {spread}."
    length = (
        f"Training was for {training.steps} steps, whether or not anything had settled."
        if training.patience is None
        else f"Training was until the objective stopped improving, for at most {training.steps} steps."
    )
    details = [length, "Test images were not held out from training: nothing is about generalisation."]
    if results.supervised:
        details.append("Which score to trust is no question of this study: pyvae study agreement compares them.")
    else:
        details.append("No score asks about factors here: nothing says whether latents mean anything.")
    if share := told_share(results.scores):
        details.append(share)
    details += _refused(results)
    if lost := int((~results.finite).sum()):
        details.append(f"{lost} of {len(results.finite)} models diverged and are left out of every number.")
    return Answer("limits", "What can this study not tell?", short, tuple(details))


def _refused(results: Results) -> list[str]:
    """The scores that were asked for and that refused every model, each with a reason."""
    always = {metric.name for metric in ALWAYS}
    rows = results.scores.select(["metric", "reason"]).to_pylist()
    refusals = [row for row in rows if row["reason"] is not None and row["metric"] not in always]
    counts, reasons = Counter(row["metric"] for row in refusals), {row["metric"]: row["reason"] for row in refusals}
    every = [name for name, count in counts.items() if count == len(results.finite)]
    return [f"{name} refused every model: {one_line(reasons[name]).rstrip('.')}." for name in every]


def _over(results: Results) -> str:
    seeds = len(results.seeds)
    return f" ({seeds} seeds)" if seeds > 1 else " (one seed)"
