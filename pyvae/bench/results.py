"""Rows of a benchmark and the file that holds them."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pyvae.bench.cases import Case
from pyvae.bench.ceilings import Ceilings
from pyvae.bench.contest import Timing
from pyvae.bench.errors import BenchError
from pyvae.bench.machine import NOT_COMPARED
from pyvae.bench.providers import OURS
from pyvae.files import atomic_write_text

FILE_NAME = "results.json"


@dataclass(frozen=True)
class Row:
    """One case: seconds and peak bytes per provider, why a provider is missing, pyvae's share of a ceiling.

    A row whose providers disagree has no times, and its notes say what differs.
    """

    case: Case
    timings: dict[str, Timing]
    peak_bytes: dict[str, int]
    notes: dict[str, str]
    ceiling: str | None = None
    share: float | None = None
    disagrees: bool = False

    def ratio(self, provider: str) -> float | None:
        """A provider's median over pyvae's: how many times longer it takes."""
        if provider not in self.timings or OURS not in self.timings:
            return None
        return self.timings[provider].median / self.timings[OURS].median


@dataclass(frozen=True)
class TrainingRow:
    """A training step at batch size `rows` with the loss by one provider; the loss alone takes `loss_seconds`."""

    provider: str
    rows: int
    seconds: float | None
    loss_seconds: float | None
    rounds: int
    note: str = ""


@dataclass
class Results:
    """Everything a run measured, in the order it did."""

    machine: dict[str, str]
    ceilings: Ceilings
    rows: list[Row] = field(default_factory=list)
    training: list[TrainingRow] = field(default_factory=list)

    def holds(self, case: Case) -> bool:
        """Whether the case is done."""
        return any(row.case == case for row in self.rows)

    def raise_ceilings(self, measured: Ceilings) -> None:
        """Takes in another measurement of the ceilings, and states every row's share of the higher ones."""
        self.ceilings = self.ceilings.at_least(measured)
        self.rows = [_with_share(row, self.ceilings) for row in self.rows]

    def save(self, folder: Path) -> None:
        """Writes results.json whole or not at all."""
        atomic_write_text(folder / FILE_NAME, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Results":
        """Reads what `save` wrote.

        Raises:
            BenchError: if the file is not one of a benchmark.
        """
        path = folder / FILE_NAME
        try:
            saved = json.loads(path.read_text())
            rows = [_row(row) for row in saved["rows"]]
            training = [TrainingRow(**row) for row in saved["training"]]
            return cls(saved["machine"], Ceilings(**saved["ceilings"]), rows, training)
        except (ValueError, KeyError, TypeError) as problem:
            raise BenchError(f"{path} does not hold results of a benchmark: {problem}") from None


def _with_share(row: Row, ceilings: Ceilings) -> Row:
    if OURS not in row.timings:
        return row
    ceiling, share = ceilings.share(row.case, row.timings[OURS].median)
    return replace(row, ceiling=ceiling, share=share)


def _row(saved: dict[str, object]) -> Row:
    fields: dict[str, object] = dict(saved)
    case, timings = fields.pop("case"), fields.pop("timings")
    if not isinstance(case, dict) or not isinstance(timings, dict):
        raise TypeError("a row without case or timings")
    return Row(Case(**case), {name: Timing(**timing) for name, timing in timings.items()}, **fields)  # type: ignore[arg-type]


def open_results(folder: Path | None, machine: dict[str, str], ceilings: Ceilings, *, resume: bool) -> Results:
    """Empty results, or with `resume` those that `folder` holds.

    Raises:
        BenchError: if the folder's results come from another machine, set of versions or number of threads.
    """
    if folder is None or not resume or not (folder / FILE_NAME).is_file():
        return Results(machine, ceilings)
    held = Results.load(folder)
    for label in machine:
        if label not in NOT_COMPARED and held.machine.get(label) != machine[label]:
            raise BenchError(
                f"{folder} holds results of another {label}, {held.machine.get(label)} instead of {machine[label]}: "
                f"they cannot be continued"
            )
    results = Results(machine, held.ceilings, held.rows, held.training)
    results.raise_ceilings(ceilings)
    return results
