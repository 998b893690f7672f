"""The finding on the source's two heat maps: whether their diagonals are robustness, or made by collapse.

A map follows the collapse where its rank correlation over cells with the number of active latents is beyond what
unrelated numbers reach by chance (`chance_correlation`); closely where it is above STRONG, too.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, counted, listed, mean_over_seeds
from pyvae.report.statistics import chance_correlation, rank_correlation
from pyvae.studies.biased_grid.results import Array, Results
from pyvae.studies.biased_grid.theory import constant_decoder_mse

QUESTION = "Are the diagonals of the source's two heat maps robustness, or collapse?"
STRONG = 0.6  # rank correlation from which a map is said to follow the collapse closely


class Followed(NamedTuple):
    """A map beside the number of active latents, cell by cell."""

    name: str
    sign: int
    """Of the correlation that collapse alone gives."""
    correlation: float
    """NaN where one of the two does not vary."""
    cells: int
    """Those that have a number of both."""

    @property
    def told(self) -> bool:
        """Whether it is beyond chance."""
        return abs(self.correlation) > chance_correlation(self.cells)

    @property
    def closely(self) -> bool:
        return self.told and self.sign * self.correlation > STRONG

    @property
    def verdict(self) -> str:
        if not self.told:
            return f"{self.name} cannot be told from unrelated to collapse"
        if self.sign * self.correlation < 0:
            return f"{self.name} goes against collapse"
        return f"{self.name} follows collapse{'' if self.closely else ', but not closely'}"


def about_the_source_maps(results: Results) -> Answer:
    """Are the diagonals of the source's two heat maps, inverse to each other, made by collapse?"""
    active = mean_over_seeds(results.active())
    pmi = mean_over_seeds(results.grid("test_truth_to_mean_mse_sgd"))
    decoded = mean_over_seeds(results.grid("test_decoded_projection_mse_sgd"))
    constant = np.array([constant_decoder_mse(float(mu)) for mu in results.mus])[:, None]
    maps = followed("PMI", 1, active, pmi), followed("The error of decoded projections", -1, active, decoded / constant)
    details = [
        "PMI, the raw error of predicting posterior means from the truth (lower was read as better), "
        f"{_correlates(maps[0])}: the mean of a collapsed posterior is a constant, and easy to predict.",
        "The error of decoded projections, relative to that of a decoder that ignores its latents, "
        f"{_correlates(maps[1])}.",
        *_rule(results, maps),
    ]
    dead, verdict = active == 0, _verdict(maps)
    if dead.any():
        details.append(_dead_sentence(results, dead, pmi, np.abs(decoded - constant), constant))
    else:
        verdict += f" {_none_dead(results)}"
    return Answer("source maps", QUESTION, verdict, tuple(details))


def followed(name: str, sign: int, active: Array, values: Array) -> Followed:
    """Of a map [mus, betas]."""
    cells = int((~(np.isnan(active) | np.isnan(values))).sum())
    return Followed(name, sign, rank_correlation(active.ravel(), values.ravel()), cells)


def _correlates(one: Followed) -> str:
    if math.isnan(one.correlation):
        return "cannot be compared with the number of active latents, since one of the two does not vary"
    return f"has rank correlation {decimals(one.correlation, 2)} with the number of active latents"


def _rule(results: Results, maps: tuple[Followed, Followed]) -> list[str]:
    """What a correlation of so many cells can tell."""
    cells = max(one.cells for one in maps)
    if all(math.isnan(one.correlation) for one in maps):
        return []
    seeds = f", means of {len(results.seeds)} seeds" if len(results.seeds) > 1 else ""
    return [f"These are of {counted(cells, 'cell')} (μ, β){seeds}; {_reach(cells)}."]


def _reach(cells: int) -> str:
    """Beyond which correlation so many cells tell anything, as half a sentence."""
    reach = chance_correlation(cells)
    if reach >= 1:
        return "5 are the fewest of which any rank correlation can be told from chance"
    return (
        f"a rank correlation is told from chance beyond ±{decimals(reach, 2)} (1.96/√(cells − 1)), within which that "
        "of unrelated numbers lies in 95 of 100 studies"
    )


def _verdict(maps: tuple[Followed, Followed]) -> str:
    pmi, decoded = maps
    if math.isnan(pmi.correlation) or math.isnan(decoded.correlation):
        return "The maps vary too little in this study to say."
    numbers = listed([decimals(one.correlation, 2) for one in maps])
    of = f"rank correlations {numbers} over {counted(max(one.cells for one in maps), 'cell')}"
    if pmi.closely and decoded.closely:
        return (
            "Collapse, for the most part: as latents fall out of use PMI improves and decoding gets worse, which gives "
            f"two diagonals in inverse directions ({of})."
        )
    if not (pmi.told or decoded.told):
        return f"This study cannot tell: {of} are within what unrelated maps reach by chance."
    return f"{pmi.verdict}; {decoded.verdict[0].lower()}{decoded.verdict[1:]} ({of})."


def _none_dead(results: Results) -> str:
    if results.active().shape[:2] == (1, 1):
        return f"Its only cell has not collapsed altogether{_in_every_seed(results)}."
    return f"No cell of this study has collapsed altogether{_in_every_seed(results)}."


def _dead_sentence(results: Results, dead: NDArray[np.bool_], pmi: Array, gap: Array, constant: Array) -> str:
    """What cells [mus, betas] without an active latent have, whose decoded error differs by `gap` from a constant's."""
    count, mus = int(dead.sum()), constant[dead.any(axis=1), 0]
    cells, average = ("cell", "") if count == 1 else (f"{count} cells", " on average")
    others = f" (against {pmi[~dead].mean():.2g} in the others)" if (~dead).any() else ""
    answers = "what answering the mean training image gives"
    if mus.max() > mus.min():
        from_constant = f"{mus.min():.3f} … {mus.max():.3f}, {answers}: it grows with |μ| by itself"
    else:
        from_constant = f"{mus.max():.3f}, {answers}"
    return (
        f"In the {cells} that collapsed{_in_every_seed(results)} PMI is {pmi[dead].mean():.2g}{average}{others}, and "
        f"the decoded error differs by {gap[dead].mean():.3f}{average} from {from_constant}."
    )


def _in_every_seed(results: Results) -> str:
    return " in every seed" if len(results.seeds) > 1 else ""
