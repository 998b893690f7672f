"""How correlations, counts and lists are told."""

from collections.abc import Sequence

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.studies.agreement.findings.correlation import Correlation
from pyvae.studies.agreement.results import Results

FEWEST = 10
"""Models in use below which no correlation is worth a sentence."""


def told(one: Correlation, results: Results) -> str:
    """A correlation, with its interval where there are several seeds: "0.52 (0.31 to 0.68)"."""
    if not results.config.several_seeds:
        return decimals(one.value, 2)
    return f"{decimals(one.value, 2)} ({decimals(one.low, 2)} to {decimals(one.high, 2)})"


def over(models: int, results: Results) -> str:
    """What a correlation is about: "over 115 models of 5 seeds"."""
    return f"over {counted(models, 'model', 'models')} of {counted(results.seeds, 'seed', 'seeds')}"


def counted(count: int, one: str, many: str) -> str:
    """ "1 model has", "3 models have"."""
    return f"{count} {one if count == 1 else many}"


def middle(values: Sequence[float]) -> str:
    """The median in words."""
    return decimals(float(np.median(values)), 2)


def too_few(models: int) -> str:
    """Why a question has no answer."""
    return f"This study cannot tell: {counted(models, 'model is', 'models are')} in use, and {FEWEST} are needed."


def percent(share: float) -> str:
    """A share as "37%", without a sign before a zero."""
    return f"{decimals(100 * share, 0)}%"
