"""Do scores of disentanglement rank models alike?"""

import numpy as np

from pyvae.report.answer import Answer, listed
from pyvae.studies.agreement.findings.correlation import CLOSE, Correlations, correlations
from pyvae.studies.agreement.findings.words import FEWEST, counted, middle, over, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import DISENTANGLEMENT, LABELS

QUESTION = "Do scores of disentanglement rank models alike?"
NEARLY_ALL, HALF = 0.9, 0.5
"""Shares of pairs behind the words of the answer."""
SIBLINGS = (("beta_vae_score", "factor_vae_score"), ("mig", "dci_disentanglement"))
"""Pairs that the large study found strongly correlated."""


def of_disentanglement(results: Results, *, with_collapsed: bool = False) -> Correlations:
    """Of every two scores of disentanglement, over the models in use."""
    names = results.disentanglement
    rows = results.ranked(names, with_collapsed=with_collapsed)
    return correlations(names, results.columns(names)[rows])


def about_agreement(results: Results) -> Answer:
    """Of how many pairs of scores the correlation is above 0, near 1, below 0."""
    models = int(results.ranked(results.disentanglement).sum())
    if models < FEWEST or len(results.disentanglement) < 2:
        return Answer("agreement", QUESTION, too_few(models), ())
    found = of_disentanglement(results)
    short = _verdict(results, found) if results.config.several_seeds else _readings(found)
    return Answer("agreement", QUESTION, short, tuple(_details(results, found)))


def _verdict(results: Results, found: Correlations) -> str:
    pairs = [one for *_, one in found.pairs()]
    alike, against = sum(one.above_zero for one in pairs), sum(one.below_zero for one in pairs)
    share = alike / max(1, len(pairs))
    word = "Yes" if share >= NEARLY_ALL else "In part" if share >= HALF else "No"
    return (
        f"{word}: {over(found.models, results)}, of {len(pairs)} pairs of scores {alike} rank models alike (their "
        "interval lies above 0), "
        f"{sum(one.close for one in pairs)} of them closely (above {CLOSE:g}), {against} against each other (below 0), "
        f"and {len(pairs) - alike - against} cannot be told from unrelated."
    )


def _readings(found: Correlations) -> str:
    values = [one.value for *_, one in found.pairs()]
    return (
        f"Readings of one seed: over {found.models} models the rank correlations of {len(values)} pairs of scores run "
        f"from {min(values):.2f} to {max(values):.2f}, with a median of {middle(values)}."
    ).replace("-", "−")


def _details(results: Results, found: Correlations) -> list[str]:
    ordered = sorted(found.pairs(), key=lambda pair: pair[2].value)
    if not ordered:
        return ["No score varies."]
    (a, b, highest), (c, d, lowest) = ordered[-1], ordered[0]
    details = [
        f"Nearest are {LABELS[a]} and {LABELS[b]}, with a rank correlation of {told(highest, results)} "
        f"{over(found.models, results)}; furthest apart {LABELS[c]} and {LABELS[d]}, with {told(lowest, results)}.",
        _odd_one(found),
    ]
    known = [pair for pair in SIBLINGS if set(pair) <= set(found.names)]
    if known:
        pairs = listed([f"{LABELS[a]} and {LABELS[b]} {told(found.of(a, b), results)}" for a, b in known])
        details.append(
            f"The pairs that Locatello et al. (2019) found strongly correlated on dSprites have here: {pairs}."
        )
    if results.collapsed.any():
        values = [one.value for *_, one in of_disentanglement(results, with_collapsed=True).pairs()]
        details.append(
            f"With the {counted(int(results.collapsed.sum()), 'collapsed model', 'collapsed models')} the median "
            f"correlation is {middle(values)}; without {middle([one.value for *_, one in found.pairs()])}."
        )
    if lacking := [label for name, label in DISENTANGLEMENT.items() if name not in found.names]:
        details.append(f"Left out, since too many models have none: {listed(lacking)}.")
    return details


def _odd_one(found: Correlations) -> str:
    """The score that is least like the others."""
    own = np.where(np.eye(len(found.names), dtype=bool), np.nan, found.value)
    medians = [float(np.nanmedian(row)) if not np.isnan(row).all() else np.inf for row in own]
    odd = int(np.argmin(medians))
    all_pairs = middle([one.value for *_, one in found.pairs()])
    return (
        f"Least like the others is {LABELS[found.names[odd]]}: its median correlation with them is "
        f"{middle([medians[odd]])}, beside {all_pairs} of all pairs. (Locatello et al. found Modularity apart.)"
    )
