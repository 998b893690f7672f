"""Do scores of disentanglement rank models alike?"""

import numpy as np

from pyvae.report.answer import Answer, counted, listed
from pyvae.report.statistics import Array
from pyvae.studies.agreement.findings.correlation import CLOSE, Correlation, Correlations, correlations, sides, spearman
from pyvae.studies.agreement.findings.words import few, left_out, middle, over, spread, together, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import DISENTANGLEMENT, LABELS

QUESTION = "Do scores of disentanglement rank models alike?"
NEARLY_ALL, HALF = 0.9, 0.5
"""Shares of pairs behind the words of the answer."""
SIBLINGS = (("beta_vae_score", "factor_vae_score"), ("mig", "dci_disentanglement"))
"""Pairs that the large study found strongly correlated."""


def about_agreement(results: Results) -> Answer:
    """Of how many pairs of scores the correlation is above 0, near 1, below 0."""
    names = results.disentanglement
    rows = results.ranked(names)
    lacking = _lacking(results)
    if len(names) < 2:
        return _untold(f"most models have {counted(len(names), 'score', 'scores')}, and two are needed", lacking)
    if few(results, rows):
        return _untold(too_few(results, rows), lacking)
    found = correlations(names, results.columns(names)[rows], results.cell[rows])
    pairs = [one for *_, one in found.pairs()]
    if not pairs:
        return _untold(f"fewer than two scores vary {over(found.models, results)}", lacking)
    short = _verdict(results, found, pairs) if results.config.several_seeds else _readings(results, found, pairs)
    return Answer("agreement", QUESTION, short, tuple([*_details(results, found), *lacking]))


def _untold(why: str, lacking: list[str]) -> Answer:
    return Answer("agreement", QUESTION, f"This study cannot tell: {why}.", tuple(lacking))


def _lacking(results: Results) -> list[str]:
    """Scores that are left out, and models that are."""
    names = results.disentanglement
    scores = [label for name, label in DISENTANGLEMENT.items() if name not in names]
    told_of = [f"Left out, since too many models have none: {listed(scores)}."] if scores else []
    return [*told_of, *left_out(results, {name: LABELS[name] for name in names})]


def _verdict(results: Results, found: Correlations, pairs: list[Correlation]) -> str:
    above, near = sides(pairs), sides(pairs, CLOSE)
    alike, against, apart = above.count(1), above.count(-1), near.count(-1)
    word = _word(alike / len(pairs), apart / len(pairs))
    return (
        f"{word}: {over(found.models, results)}, of {counted(len(pairs), 'pair', 'pairs')} of scores {alike} rank "
        f"models alike (correlation clearly above 0), {near.count(1)} of them closely (clearly above {CLOSE:g}), "
        f"{against} against each other (clearly below 0), and {above.count(0)} cannot be told from unrelated; {apart} "
        f"are clearly below {CLOSE:g}."
    )


def _word(alike: float, apart: float) -> str:
    """By the shares of pairs that rank alike and that do not closely; neither is open."""
    if alike >= NEARLY_ALL:
        return "Yes"
    if alike >= HALF:
        return "In part"
    return "No" if apart > HALF else "Not shown"


def _readings(results: Results, found: Correlations, pairs: list[Correlation]) -> str:
    values = [one.value for one in pairs]
    of = f"{counted(len(values), 'pair', 'pairs')} of scores {over(found.models, results)}"
    return f"Readings of one seed: {spread(values, of)}, with a median of {middle(values)}."


def _details(results: Results, found: Correlations) -> list[str]:
    pairs = found.pairs()
    details = [_ends(results, found)]
    if results.config.several_seeds:
        details.append(together(len(pairs), "pair", "pairs"))
    if len(pairs) > 2:
        details.append(_odd_one(found))
    siblings = [f"{LABELS[a]} and {LABELS[b]} {told(one, results)}" for a, b, one in pairs if _siblings(a, b)]
    if siblings:
        details.append(
            f"Of pairs that Locatello et al. (2019) found strongly correlated there are: {listed(siblings)}."
        )
    return [*details, *_collapsed(results, found)]


def _siblings(a: str, b: str) -> bool:
    return any({a, b} == set(pair) for pair in SIBLINGS)


def _ends(results: Results, found: Correlations) -> str:
    """The highest correlation and, where there is another, the lowest."""
    ordered = sorted(found.pairs(), key=lambda pair: pair[2].value)
    (a, b, highest), (c, d, lowest) = ordered[-1], ordered[0]
    nearest = (
        f"Nearest are {LABELS[a]} and {LABELS[b]}, with a rank correlation of {told(highest, results)} "
        f"{over(found.models, results)}"
    )
    furthest = f"; furthest apart {LABELS[c]} and {LABELS[d]}, with {told(lowest, results)}"
    return f"{nearest}{furthest if len(ordered) > 1 else ''}."


def _collapsed(results: Results, found: Correlations) -> list[str]:
    """What collapsed models would change, of those that have every score."""
    rows = results.ranked(found.names, with_collapsed=True)
    more = int(rows.sum()) - found.models
    if more == 0:
        return []
    without, among = _above_diagonal(found.value), _above_diagonal(spearman(results.columns(found.names)[rows]))
    return [
        f"With the {counted(more, 'collapsed model that has', 'collapsed models that have')} every score the median "
        f"correlation is {middle(among)}; without {middle(without)}."
    ]


def _above_diagonal(value: Array) -> list[float]:
    """Of every pair that has a correlation."""
    every = value[np.triu_indices(len(value), 1)]
    return [float(one) for one in every[~np.isnan(every)]]


def _odd_one(found: Correlations) -> str:
    """The score that is least like the others."""
    own = np.where(np.eye(len(found.names), dtype=bool), np.nan, found.value)
    medians = [float(np.nanmedian(row)) if not np.isnan(row).all() else np.inf for row in own]
    odd = int(np.argmin(medians))
    all_pairs = middle(_above_diagonal(found.value))
    return (
        f"Least like the others is {LABELS[found.names[odd]]}: its median correlation with them is "
        f"{middle([medians[odd]])}, beside {all_pairs} of all pairs. (Locatello et al. found Modularity apart.)"
    )
