"""Does any score predict how useful a code is downstream?"""

from typing import NamedTuple

from pyvae.report.answer import Answer, listed
from pyvae.studies.agreement.findings.correlation import Correlation, correlations, within_cells
from pyvae.studies.agreement.findings.words import FEWEST, counted, over, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, USE

QUESTION = "Does any score of disentanglement predict how useful a code is?"
PLAIN = "aggregate_information"
"""What needs neither factors nor latents that are told apart: a score has to beat it."""
BY_CHANCE = 0.025
"""Of intervals, lie above 0 where nothing is related."""


class Prediction(NamedTuple):
    """Correlations of scores, by name, with one kind of use."""

    models: int
    overall: dict[str, Correlation]
    plain: Correlation | None
    """Of `PLAIN`."""
    within: dict[str, Correlation]
    """Among models of one objective and strength; empty with one seed."""

    @property
    def best(self) -> str:
        return max(self.overall, key=lambda name: self.overall[name].value)


def predictions(results: Results, use: str) -> Prediction | None:
    """Of downstream accuracy or statistical efficiency; None where too few models have it."""
    scores = results.disentanglement
    beside = results.known((PLAIN,))
    names = (*scores, *beside, use)
    rows = results.ranked(names)
    if rows.sum() < FEWEST or not scores:
        return None
    columns = results.columns(names)[rows]
    found = correlations(names, columns)
    within = {}
    if results.config.several_seeds:
        inside = within_cells(names, columns, results.cell[rows])
        within = {name: inside.of(name, use) for name in scores}
    plain = found.of(PLAIN, use) if beside else None
    return Prediction(found.models, {name: found.of(name, use) for name in scores}, plain, within)


def about_use(results: Results) -> Answer:
    """Each kind of use in a sentence, then what objective and strength leave of it."""
    found = {use: predictions(results, use) for use in USE}
    known = {use: one for use, one in found.items() if one is not None}
    if not known:
        models = int(results.ranked(results.disentanglement).sum())
        return Answer("use", QUESTION, too_few(models), ())
    if results.config.several_seeds:
        short = " ".join(_verdict(use, one) for use, one in known.items())
    else:
        short = "Readings of one seed: " + "; ".join(_reading(use, one) for use, one in known.items()) + "."
    details = [sentence for use, one in known.items() for sentence in _details(results, use, one)]
    scores = len(results.disentanglement)
    if results.config.several_seeds:
        details.append(
            f"Of {scores} unrelated scores {scores * BY_CHANCE:.1f} would have an interval above 0 by chance, for each "
            "kind of use."
        )
    return Answer("use", QUESTION, short, tuple(details))


def _verdict(use: str, found: Prediction) -> str:
    above = [name for name, one in found.overall.items() if one.above_zero]
    below = [name for name, one in found.overall.items() if one.below_zero]
    against = f", and {counted(len(below), 'goes', 'go')} against it" if below else ""
    if not above:
        return (
            f"{LABELS[use]}: no, none of {len(found.overall)} scores rises with it (no interval lies above 0){against}."
        )
    if len(above) == 1:
        return (
            f"{LABELS[use]}: hardly, {LABELS[above[0]]} alone of {len(found.overall)} scores rises with it (its "
            f"interval lies above 0), and chance gives {len(found.overall) * BY_CHANCE:.1f} such scores{against}."
        )
    inside = [name for name, one in found.within.items() if one.above_zero]
    beyond = (
        f"{len(inside)} also among models of one objective and strength"
        if inside
        else "none among models of one objective and strength"
    )
    return (
        f"{LABELS[use]}: yes, {len(above)} of {len(found.overall)} scores rise with it (their interval lies above 0), "
        f"{beyond}{against}."
    )


def _reading(use: str, found: Prediction) -> str:
    values = [one.value for one in found.overall.values()]
    return (
        f"the rank correlations of {len(values)} scores with {LABELS[use].lower()} over {found.models} models run from "
        f"{min(values):.2f} to {max(values):.2f}"
    ).replace("-", "−")


def _details(results: Results, use: str, found: Prediction) -> list[str]:
    best, label = found.best, LABELS[use].lower()
    details = [
        f"With {label} {LABELS[best]} is correlated most: {told(found.overall[best], results)} "
        f"{over(found.models, results)}."
    ]
    if found.plain is not None:
        details[0] += (
            f" How much a code holds of the image, I(x; z), which needs no factors, has {told(found.plain, results)}."
        )
    if found.within:
        inside = [LABELS[name] for name, one in found.within.items() if one.above_zero]
        best = max(found.within, key=lambda name: found.within[name].value)
        details.append(
            "Among models of one objective and strength, which differ by their seed alone, the highest correlation "
            f"with {label} is that of {LABELS[best]}, {told(found.within[best], results)}; above 0: "
            f"{listed(inside) or 'none'}."
        )
    return details
