"""All scores of one model as one table; a score that refuses leaves its sentence and stops no other."""

import inspect
import io
import json
import math
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box, table
from rich.console import Console

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.protocols import PROTOCOLS, Protocol, check_choice
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured
from pyvae.progress import progress_bar

if TYPE_CHECKING:
    import pyarrow as pa


COLUMNS = {
    "metric": "string",
    **dict.fromkeys(("value", "low", "high", "ceiling", "seconds"), "float64"),
    "settings": "string",
    "reason": "string",
}
"""Of `Evaluation.to_table`, with their types: settings as JSON; null for what a metric that refused lacks, else for
`reason`.
"""


def schema() -> "pa.Schema":
    """`COLUMNS` for pyarrow, which a machine that only trains or measures may lack."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])


@dataclass(frozen=True)
class Metric:
    """A score by its name: its function, and whether it is too slow to be measured unasked."""

    name: str
    function: Callable[..., Any]
    is_slow: bool = False

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What its function takes, by name."""
        return inspect.signature(self.function).parameters

    @property
    def needs_factors(self) -> bool:
        """Whether it is a supervised one."""
        return "factors" in self.parameters

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings that it has unasked."""
        return {name: spec.default for name, spec in self.parameters.items() if spec.default is not spec.empty}

    def measure(self, codes: Codes, factors: Factors | None, *, protocol: Protocol, seed: int) -> dict[str, Measured]:
        """Its scores by name: one, or one for each field of what it returns."""
        if self.needs_factors and factors is None:
            raise ValueError(f"factors must be given for {self.name}, got None.")
        wanted = {"protocol": protocol, "seed": seed}
        given = [factors] if self.needs_factors else []
        found = self.function(codes, *given, **{name: wanted[name] for name in wanted if name in self.parameters})
        if isinstance(found, Measured):
            return {self.name: found}
        return {f"{self.name}_{field}": part for field, part in found._asdict().items() if isinstance(part, Measured)}


def metrics_among(functions: Mapping[str, Any], *, slow: Iterable[str] = ()) -> dict[str, Metric]:
    """The scores of one model's codes among functions, told by what they take and return: `codes` first, and a Measured
    or a NamedTuple with some.
    """
    return {
        name: Metric(name, function, name in slow)
        for name, function in functions.items()
        if inspect.isfunction(function) and _is_metric(function)
    }


@dataclass(frozen=True)
class Outcome:
    """What became of one metric: its scores by name, or the reason why it has none."""

    seconds: float
    scores: Mapping[str, Measured]
    reason: str | None = None

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Its rows of the table, whose columns are `COLUMNS`."""
        if self.reason is not None:
            return [dict.fromkeys(COLUMNS) | {"metric": name, "seconds": self.seconds, "reason": self.reason}]
        return [_row(score, measured) | {"seconds": self.seconds} for score, measured in self.scores.items()]


class Evaluation(Mapping[str, Measured]):
    """Scores of one model by name; a metric with several has one for each, "dci_disentanglement".

    Print it for a table. `refused` has the sentence of each metric that had no answer.
    """

    def __init__(self, outcomes: Mapping[str, Outcome]) -> None:
        self._outcomes = dict(outcomes)
        self._scores = {name: score for outcome in outcomes.values() for name, score in outcome.scores.items()}

    @property
    def refused(self) -> dict[str, str]:
        """Reasons by the names of metrics that refused."""
        return {name: outcome.reason for name, outcome in self._outcomes.items() if outcome.reason is not None}

    def __getitem__(self, name: str) -> Measured:
        if name not in self._scores:
            raise KeyError(self._why_not(name))
        return self._scores[name]

    def _why_not(self, name: str) -> str:
        """What there is in place of a score of this name."""
        if name not in self._outcomes:
            return f"{name!r} was not measured; there are {', '.join(self._scores) or 'no scores'}."
        if (reason := self._outcomes[name].reason) is not None:
            return f"{name!r} was refused: {reason}"
        return f"{name!r} has several scores: {', '.join(self._outcomes[name].scores)}."

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def to_dict(self) -> list[dict[str, Any]]:
        """Rows that JSON can hold, with the columns of `to_table`."""
        return [row for name, outcome in self._outcomes.items() for row in outcome.rows(name)]

    def to_table(self) -> "pa.Table":
        """A row for each score and each refusal: metric, value, low, high, ceiling, seconds (of the whole metric),
        settings as JSON, reason.
        """
        import pyarrow as pa

        return pa.Table.from_pylist(self.to_dict(), schema=schema())

    def __str__(self) -> str:
        drawn = table.Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for head in ("metric", "value", "95 % interval", "at most", "seconds", "settings"):
            drawn.add_column(head, justify="right" if head in ("value", "at most", "seconds") else "left")
        for row in self.to_dict():
            drawn.add_row(*_cells(row))
        text = io.StringIO()
        Console(file=text, width=200, markup=False, color_system=None).print(drawn)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    __repr__ = __str__


def evaluate(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels | None = None,
    *,
    metrics: Iterable[str] | None = None,
    protocol: Protocol = "paper",
    seed: int = 0,
    progress: bool = False,
) -> Evaluation:
    """All scores of one model's codes, or those of some metrics.

    Args:
        codes: of the data set, N points of D latents, with or without a logvar.
        factors: of the same points; without them only metrics that need none are measured.
        metrics: names among pyvae.metrics.METRICS; by default all that fit and are not slow.
        protocol: for the metrics that have several; the others have the paper's.
        seed: for all of them; equal seeds give equal bits.
        progress: whether to show a bar on standard error, a step for each metric. Of 10 000 points most take less
            than a second, but by protocol="disentanglement_lib" DCI's gradient boosting takes minutes.

    Returns:
        Evaluation. A metric that refuses these codes, as MIG does with one latent, has its sentence in `refused`, and
        asking for its score is a KeyError that says it.

    Raises:
        ValueError: for a metric or a protocol that there is not, and for what no metric could take: codes or factors
            with a NaN or an infinity, or with other numbers of rows, and a seed below 0.
        TypeError: for codes or factors that are no numbers, metrics in one string, and a seed that is no integer.
    """
    chosen = chosen_metrics(metrics, with_factors=factors is not None)
    check_choice("protocol", protocol, PROTOCOLS)
    seed = check_seed(seed)
    found = codes_of(codes)
    rows = len(found)  # reads them: a NaN is refused here, once
    truth = None if factors is None else factors_of(factors, rows)
    outcomes = {}
    with progress_bar("metrics", len(chosen), shown=progress) as advance:
        for metric in chosen:
            outcomes[metric.name] = outcome_of(metric, found, truth, protocol=protocol, seed=seed)
            advance()
    return Evaluation(outcomes)


def chosen_metrics(names: Iterable[str] | None, *, with_factors: bool = True) -> list[Metric]:
    """The metrics of these names, or all that are not slow; ValueError for a name that there is not."""
    from pyvae.metrics import METRICS  # the room's list, which this file is part of

    if isinstance(names, str):
        raise TypeError(f"metrics must be a list of names, got the string {names!r}.")
    if names is None:
        fitting = [metric for metric in METRICS.values() if with_factors or not metric.needs_factors]
        return [metric for metric in fitting if not metric.is_slow]
    asked = list(dict.fromkeys(names))
    if unknown := [name for name in asked if name not in METRICS]:
        raise ValueError(f"metrics must be among {', '.join(METRICS)}, got {', '.join(map(repr, unknown))}.")
    return [METRICS[name] for name in asked]


def outcome_of(metric: Metric, codes: Codes, factors: Factors | None, *, protocol: Protocol, seed: int) -> Outcome:
    """A metric's scores, or its refusal."""
    start = time.perf_counter()
    try:
        scores, reason = metric.measure(codes, factors, protocol=protocol, seed=seed), None
    except (ValueError, TypeError, ImportError) as refusal:  # ImportError: of an extra that is not installed
        scores, reason = {}, str(refusal)
    return Outcome(time.perf_counter() - start, scores, reason)


def _is_metric(function: Callable[..., Any]) -> bool:
    returned = inspect.signature(function).return_annotation
    several = isinstance(returned, type) and Measured in getattr(returned, "__annotations__", {}).values()
    first = next(iter(inspect.signature(function).parameters.values()), None)
    # UDR compares several models: its codes are a sequence.
    of_one_model = first is not None and first.name == "codes" and typing.get_origin(first.annotation) is not Sequence
    return of_one_model and (returned is Measured or several)


def _row(name: str, score: Measured) -> dict[str, Any]:
    numbers = {key: float(getattr(score, key)) for key in ("value", "low", "high", "ceiling")}
    known = {key: number if math.isfinite(number) else None for key, number in numbers.items()}
    return {"metric": name, **known, "settings": json.dumps(dict(score.settings), default=_plain), "reason": None}


def _plain(thing: Any) -> Any:
    """What JSON has no word for: numpy's numbers, tuples of names, and whatever else, as text."""
    return thing.tolist() if isinstance(thing, np.ndarray | np.generic) else str(thing)


def _cells(row: Mapping[str, Any]) -> list[str]:
    seconds = f"{row['seconds']:.2f}"
    if row["reason"] is not None:
        return [row["metric"], "-", "", "", seconds, row["reason"]]
    value, low, high, ceiling = (
        "-" if row[k] is None else f"{row[k]:.3f}" for k in ("value", "low", "high", "ceiling")
    )
    short = ", ".join(f"{key} {setting}" for key, setting in json.loads(row["settings"]).items() if setting is not None)
    return [row["metric"], value, f"{low} to {high}", ceiling, seconds, short]
