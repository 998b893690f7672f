"""Does any score predict how useful a code is downstream?"""

from typing import NamedTuple

from pyvae.report.answer import Answer, counted, listed
from pyvae.studies.agreement.findings.correlation import Correlation, correlations, sides, within_cells
from pyvae.studies.agreement.findings.words import FEWEST, few, left_out, over, spread, together, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, USE

QUESTION = "Does any score of disentanglement predict how useful a code is?"
PLAIN = "aggregate_information"
"""What needs neither factors nor latents that are told apart: a score has to beat it."""


class Prediction(NamedTuple):
    """Correlations of scores that vary, by name, with one kind of use."""

    models: int
    overall: dict[str, Correlation]
    """At least one."""
    plain: Correlation | None
    """Of `PLAIN`."""
    within: dict[str, Correlation]
    """Among models of one objective and strength; empty with one seed, and where too few cells have several models."""

    def clear(self, *, within: bool = False, side: int = 1) -> list[str]:
        """The scores that clearly rise with the use, or fall where side is -1, among all that are asked."""
        family = self.within if within else self.overall
        return [name for name, of in zip(family, sides(list(family.values())), strict=True) if of == side]


def predictions(results: Results, use: str) -> Prediction | None:
    """Of downstream accuracy or statistical efficiency; None where too few models have it, or nothing varies."""
    scores, names = results.disentanglement, _asked_for(results, use)
    rows = results.ranked(names)
    if few(results, rows):
        return None
    columns, cells = results.columns(names)[rows], results.cell[rows]
    found = correlations(names, columns, cells)
    overall = found.with_column(use, scores)
    if not overall:
        return None
    inside = within_cells(names, columns, cells)
    within = inside.with_column(use, scores) if inside is not None and inside.cells >= FEWEST else {}
    return Prediction(found.models, overall, found.with_column(use, results.known((PLAIN,))).get(PLAIN), within)


def _asked_for(results: Results, use: str) -> tuple[str, ...]:
    """The scores without which a model is left out."""
    return (*results.disentanglement, *results.known((PLAIN,)), use)


def about_use(results: Results) -> Answer:
    """Each kind of use in a sentence, then what objective and strength leave of it."""
    found = {use: predictions(results, use) for use in USE}
    lacking = [use for use, one in found.items() if one is None]
    untold = [f"{LABELS[use]}: this study cannot tell, since {why_not(results, use)}." for use in lacking]
    known = {use: one for use, one in found.items() if one is not None}
    if results.config.several_seeds:
        parts = [_verdict(use, one) for use, one in known.items()]
    else:
        readings = "; ".join(_reading(results, use, one) for use, one in known.items())
        parts = [f"Readings of one seed: {readings}."] if readings else []
    details = [sentence for use, one in known.items() for sentence in _details(results, use, one)]
    return Answer("use", QUESTION, " ".join([*parts, *untold]), tuple([*details, *_left_out(results)]))


def why_not(results: Results, use: str) -> str:
    """There is no answer."""
    rows = results.ranked(_asked_for(results, use))
    return too_few(results, rows) if few(results, rows) else "it does not vary, or no score does"


def _left_out(results: Results) -> list[str]:
    """The sentences on models left out, once where both kinds of use leave out the same."""
    said = [
        sentence
        for use in USE
        for sentence in left_out(results, {name: LABELS[name] for name in _asked_for(results, use)})
    ]
    return list(dict.fromkeys(said))


def _verdict(use: str, found: Prediction) -> str:
    count, rising, falling = len(found.overall), found.clear(), found.clear(side=-1)
    against = f", and {counted(len(falling), 'clearly goes', 'clearly go')} against it" if falling else ""
    if not rising:
        word = "no" if len(falling) == count else "not shown"
        return f"{LABELS[use]}: {word}, none of {counted(count, 'score', 'scores')} clearly rises with it{against}."
    which = f", {LABELS[rising[0]]}, clearly rises" if len(rising) == 1 else " clearly rise"
    scores = "score" if count == 1 else "scores"
    return f"{LABELS[use]}: yes, {len(rising)} of {count} {scores}{which} with it, {_beyond(found)}{against}."


def _beyond(found: Prediction) -> str:
    """What is left where objective and strength are the same."""
    among = "among models of one objective and strength"
    if not found.within:
        return f"of which nothing can be told {among}"
    inside = set(found.clear(within=True)) & set(found.clear())
    return f"{len(inside)} also {among}" if inside else f"none clearly so {among}"


def _reading(results: Results, use: str, found: Prediction) -> str:
    values = [one.value for one in found.overall.values()]
    scores = counted(len(values), "score", "scores")
    return spread(values, f"{scores} with {LABELS[use].lower()} {over(found.models, results)}")


def _details(results: Results, use: str, found: Prediction) -> list[str]:
    best, label = _highest(found.overall), LABELS[use].lower()
    details = [
        f"With {label} {LABELS[best]} is correlated most: {told(found.overall[best], results)} "
        f"{over(found.models, results)}."
    ]
    if found.plain is not None:
        details[0] += (
            f" How much a code holds of the image, I(x; z), which needs no factors, has {told(found.plain, results)}."
        )
    if found.within:
        inside = [LABELS[name] for name in found.clear(within=True)]
        best = _highest(found.within)
        details.append(
            "Among models of one objective and strength, which differ by their seed alone, the highest correlation "
            f"with {label} is that of {LABELS[best]}, {told(found.within[best], results)}; clearly above 0: "
            f"{listed(inside) or 'none'}."
        )
    if results.config.several_seeds:
        details.append(together(len(found.overall), "score", f"scores with {label}"))
    return details


def _highest(found: dict[str, Correlation]) -> str:
    return max(found, key=lambda name: found[name].value)
