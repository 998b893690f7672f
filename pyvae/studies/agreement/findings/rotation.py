"""What does a rotation of the code do, which no likelihood can see?"""

from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, counted, listed
from pyvae.report.statistics import Array
from pyvae.studies.agreement.findings.significance import holm, sign_test
from pyvae.studies.agreement.findings.words import FEWEST
from pyvae.studies.agreement.measures import UNROTATED
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS

QUESTION = "What does a rotation of the code do, which no likelihood can see?"

UNTOLD = "no model in use has scores of its code rotated"


class Turned(NamedTuple):
    """One score of the same means as they are and rotated, [N] each."""

    before: Array
    after: Array

    @property
    def change(self) -> Array:
        return self.after - self.before

    @property
    def lower(self) -> int:
        """Models whose score falls."""
        return int((self.change < 0).sum())

    @property
    def higher(self) -> int:
        """Models whose score rises."""
        return int((self.change > 0).sum())


def turned(results: Results) -> dict[str, Turned]:
    """By the names of `UNROTATED`, of models in use that were measured with rotated codes."""
    found = {}
    for name, plain in UNROTATED.items():
        rows = results.ranked((plain, f"rotated_{name}"))
        if rows.any():
            found[name] = Turned(results.column(plain)[rows], results.column(f"rotated_{name}")[rows])
    return found


def about_rotation(results: Results) -> Answer:
    """The ELBO of both, and which scores fall."""
    found = turned(results)
    if not found:
        return Answer("rotation", QUESTION, f"This study cannot tell: {UNTOLD}.", ())
    details = [_turned(name, one) for name, one in found.items()]
    if min(len(one.before) for one in found.values()) < FEWEST:
        said = _readings(results, found)
    else:
        said = _verdict(results, found)
        details.append(_rule(len(found)))
    return Answer("rotation", QUESTION, f"{_of_elbo(results)} {said}", tuple(details))


def _of_elbo(results: Results) -> str:
    moved = np.abs(results.column("elbo") - results.column("rotated_elbo"))
    moved = moved[~np.isnan(moved)]
    if not len(moved):
        return "No model has the ELBO of its code rotated."
    return f"The ELBO moves by {moved.max():.1g} nats at most."


def sides(found: dict[str, Turned]) -> dict[str, int]:
    """Of each score -1 where it clearly falls, 1 where it clearly rises, 0 where that is open: by Holm."""
    clear = holm([sign_test(one.lower, one.higher) for one in found.values()])
    return {
        name: int(np.sign(one.higher - one.lower)) * int(told)
        for (name, one), told in zip(found.items(), clear, strict=True)
    }


def _verdict(results: Results, found: dict[str, Turned]) -> str:
    side = sides(found)
    falls = [f"{label_of(name)} ({one.lower} lower)" for name, one in found.items() if side[name] < 0]
    rises = [f"{label_of(name)} ({one.higher} higher)" for name, one in found.items() if side[name] > 0]
    still_open = [f"{label_of(name)} ({one.lower} lower)" for name, one in found.items() if side[name] == 0]
    parts = [
        *([f"clearly more are lower than higher by {listed(falls)}"] if falls else []),
        *([f"clearly more are higher than lower by {listed(rises)}"] if rises else []),
        *([f"by {listed(still_open)} it cannot be told"] if still_open else []),
    ]
    return f"Of {_models(results, found)} rotated, {'; '.join(parts)}."


def _readings(results: Results, found: dict[str, Turned]) -> str:
    """What few models show, and no more."""
    said = [f"{label_of(name)} in {one.lower} of {len(one.before)}" for name, one in found.items()]
    return f"Readings of {_models(results, found)}: lower is {listed(said)}."


def _models(results: Results, found: dict[str, Turned]) -> str:
    """How many, of how many seeds: scores that refuse some have fewer."""
    counts = sorted({len(one.before) for one in found.values()})
    rows = np.any([results.ranked((plain, f"rotated_{name}")) for name, plain in UNROTATED.items()], 0)
    models = f"{counts[0]} to {counts[-1]} models" if len(counts) > 1 else counted(counts[0], "model", "models")
    return f"{models} of {counted(len(np.unique(results.seed[rows])), 'seed', 'seeds')}"


def _turned(name: str, one: Turned) -> str:
    before, after = (decimals(float(np.median(values)), 3) for values in (one.before, one.after))
    change = decimals(float(np.median(one.change)), 3, signed=True)
    return (
        f"{label_of(name)}: median {before} before and {after} after, of the changes {change}; lower in {one.lower} "
        f"and higher in {one.higher} of {counted(len(one.before), 'model', 'models')}."
    )


def _rule(count: int) -> str:
    """What "clearly" means here."""
    return (
        "What is clearly lower or higher is told by the sign test over models, those whose score stays left out, of "
        f"{counted(count, 'score', 'scores')} together by Holm (1979) at 5 %: it asks in how many models a score "
        f"moves, and not how far. Of fewer than {FEWEST} models the numbers would be readings."
    )


def label_of(name: str) -> str:
    """What a score is called that is one of `UNROTATED`."""
    return LABELS[UNROTATED[name]]
