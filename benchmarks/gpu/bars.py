"""What issue 5 asks of the kernels, held against what was measured. A bar without its measurement is not met."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.gpu.cases import AGAINST_COMPILED, EXACT_FORWARD, GRIDDED_STEP, KL_OF_64_MI, SAMPLE_OF_64_MI
from pyvae.bench.cases import Case
from pyvae.bench.providers import COMPILED, OURS
from pyvae.bench.results import Row, TrainingRow

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"

EXACT_SHARE, KL_SHARE, SAMPLE_SHARE = 0.70, 0.85, 0.80
GRIDDED_SECONDS = 0.040
TIMES_COMPILED = 10.0
LOSS_SHARE, LOSS_ROWS = 0.15, 8192


@dataclass(frozen=True)
class Verdict:
    """A row of the table: what was asked, met or missed, and the figure."""

    what: str
    asked: str
    state: str
    measured: str


def of_ops(rows: Sequence[Row]) -> list[Verdict]:
    """The bars on single ops."""
    found = {row.case: row for row in rows}
    shares = [(case, EXACT_SHARE) for case in EXACT_FORWARD] + [
        (KL_OF_64_MI, KL_SHARE),
        (SAMPLE_OF_64_MI, SAMPLE_SHARE),
    ]
    verdicts = [_share(found.get(case), case, least) for case, least in shares]
    verdicts.insert(len(EXACT_FORWARD), _faster_than_compiled(found.get(AGAINST_COMPILED)))
    verdicts.insert(len(EXACT_FORWARD), _within(found.get(GRIDDED_STEP), GRIDDED_STEP, GRIDDED_SECONDS))
    return verdicts


def of_training(rows: Sequence[TrainingRow]) -> list[Verdict]:
    """The bar on the training step."""
    what, asked = f"training step of a beta-TCVAE, M = {LOSS_ROWS}: share of the loss", f"< {LOSS_SHARE:.0%}"
    row = next((row for row in rows if row.rows == LOSS_ROWS and row.provider == OURS), None)
    if row is None or row.seconds is None or row.loss_seconds is None:
        return [Verdict(what, asked, NOT_MEASURED, row.note if row else "")]
    share = row.loss_seconds / row.seconds
    return [_verdict(what, asked, share < LOSS_SHARE, f"{share:.1%}")]


def _verdict(what: str, asked: str, met: bool, measured: str) -> Verdict:
    return Verdict(what, asked, MET if met else MISSED, measured)


def _unmeasured(what: str, asked: str, row: Row | None) -> Verdict:
    return Verdict(what, asked, NOT_MEASURED, "; ".join(row.notes.values()) if row else "")


def _share(row: Row | None, case: Case, least: float) -> Verdict:
    what, asked = f"{case}: share of the tighter ceiling", f">= {least:.0%}"
    if row is None or row.share is None:
        return _unmeasured(what, asked, row)
    return _verdict(what, asked, row.share >= least, f"{row.share:.1%} of {row.ceiling}")


def _within(row: Row | None, case: Case, most: float) -> Verdict:
    what, asked = str(case), f"< {1e3 * most:.0f} ms"
    if row is None or OURS not in row.timings:
        return _unmeasured(what, asked, row)
    seconds = row.timings[OURS].median
    return _verdict(what, asked, seconds < most, f"{1e3 * seconds:.1f} ms")


def _faster_than_compiled(row: Row | None) -> Verdict:
    what, asked = f"{AGAINST_COMPILED}: times faster than {COMPILED}", f">= {TIMES_COMPILED:.0f}"
    ratio = row.ratio(COMPILED) if row else None
    if ratio is None:
        return _unmeasured(what, asked, row)
    return _verdict(what, asked, ratio >= TIMES_COMPILED, f"{ratio:.1f}")
