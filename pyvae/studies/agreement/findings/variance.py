"""How much of a score's variance is the objective's, the strength's, the seed's?"""

import numpy as np

from pyvae.report.answer import Answer, counted, listed
from pyvae.studies.agreement.findings.shares import Shares, shares_of
from pyvae.studies.agreement.findings.significance import holm
from pyvae.studies.agreement.findings.words import percent
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import CONTENT, DISENTANGLEMENT, LABELS, USE

QUESTION = "How much of a score is its objective, its strength, its seed?"
UNTOLD = "no score varies over models of which two or more have one objective and strength"
PARTS = ("objective", "strength", "seed")


def all_shares(results: Results) -> dict[str, Shares]:
    """By name, of scores that vary; none with one seed."""
    if not results.config.several_seeds:
        return {}
    found = {
        name: shares_of(results.column(name), results.objective, results.cell, results.seed)
        for name in (*DISENTANGLEMENT, *CONTENT, *USE)
    }
    return {name: one for name, one in found.items() if one is not None}


def about_variance(results: Results) -> Answer:
    """Held against "random seeds matter more than the objective"."""
    if not results.config.several_seeds:
        short = "This study cannot say: with one seed, what the seed does cannot be told from what the strength does."
        return Answer("variance", QUESTION, short, ())
    every = all_shares(results)
    scores = {name: one for name, one in every.items() if name in DISENTANGLEMENT}
    if not scores:
        return Answer("variance", QUESTION, f"This study cannot tell: {UNTOLD}.", ())
    return Answer("variance", QUESTION, _verdict(results, scores), tuple(_details(results, scores)))


def _verdict(results: Results, scores: dict[str, Shares]) -> str:
    objective, strength, seed = (float(np.mean([getattr(one, part).mean for one in scores.values()])) for part in PARTS)
    over, seeds = counted(len(scores), "score", "scores"), counted(results.seeds, "seed", "seeds")
    shares = (
        f"Averaged over {over} of disentanglement, in models of {seeds}, the objective has {percent(objective)} of "
        f"the variance, the strength {percent(strength)}, the seed {percent(seed)}."
    )
    if len(np.unique(results.objective[results.finite])) < 2:
        return f"{shares} There is one objective only, which has nothing to be better or worse than."
    return f"{shares} {_held(scores)}"


def _held(scores: dict[str, Shares]) -> str:
    """The claim of the large study beside what is clear of all scores together."""
    count, (seed, objective) = len(scores), _sides(scores)
    if not any(one.seed_over_objective.known for one in scores.values()):
        return "How sure that is takes three seeds or more."
    if len(seed) > count / 2:
        return (
            f"The seed clearly matters more than the objective for {len(seed)} of them, as Locatello et al. (2019) "
            "found."
        )
    if len(objective) > count / 2:
        return (
            f"The objective clearly matters more than the seed for {len(objective)} of them, unlike what Locatello et "
            "al. (2019) found."
        )
    return (
        f"Whether seed or objective matters more is not settled: clearly the seed for {len(seed)} of them, the "
        f"objective for {len(objective)}, undecided for {count - len(seed) - len(objective)}."
    )


def _sides(scores: dict[str, Shares]) -> tuple[list[str], list[str]]:
    """Scores of which the seed's share is clearly above the objective's, and clearly below it: by Holm."""
    clear = [name for name, told in zip(scores, holm([one.p for one in scores.values()]), strict=True) if told]
    above = [name for name in clear if scores[name].seed_over_objective.mean > 0]
    return above, [name for name in clear if name not in above]


def _details(results: Results, scores: dict[str, Shares]) -> list[str]:
    most = max(scores, key=lambda name: scores[name].seed.mean)
    least = min(scores, key=lambda name: scores[name].seed.mean)
    details = [
        f"The seed has {percent(scores[most].seed.mean)} of {LABELS[most]}, its largest share, and "
        f"{percent(scores[least].seed.mean)} of {LABELS[least]}, its smallest, in models of {results.seeds} seeds."
    ]
    seed, objective = _sides(scores)
    if seed or objective:
        above, below = (listed([LABELS[name] for name in names]) or "none" for names in (seed, objective))
        details.append(
            f"The seed's share is clearly above the objective's for {above}; below it for {below}: by the p values of "
            f"{counted(len(scores), 'score', 'scores')} together, by Holm (1979) at 5 %, over {results.seeds} seeds."
        )
    details.append(
        "Shares are of these strengths: the wider their range, the more is the strength's. Collapsed models count, "
        "since collapse is what a strength can do. An estimate without bias can lie below 0 or above 100%."
    )
    return details
