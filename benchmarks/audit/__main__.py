"""What projects say of posteriors whose KL, total correlation, mutual information and MIG is known, beside the truth.

    python -m benchmarks.audit                    # audit.json into the results of this machine, a minute or two
    python -m benchmarks.audit diffusers pythae   # these alone; nothing is written without --out

Each file of peers calls a project's own public code; what is not installed is a line, no failure. The verdict is
computed of the numbers (row.py), the truths are in known.py, and docs/audit.md has the table (table.py).
"""

import importlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from benchmarks.audit.row import Row, verdict
from benchmarks.audit.table import table
from benchmarks.estimator_peers import let_torchvision_be_imported
from benchmarks.script import begin, parser_of

FILE = "audit.json"
PEERS = ("pyvae", "copied", "pythae", "disent", "diffusers", "scvi", "latentverse")


def audit(names: Sequence[str] = PEERS) -> dict[str, Any]:
    """The rows of every peer that is here, and a line for each that is not."""
    found: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    left_out: list[str] = []
    if find_spec("torchvision"):  # several projects import it
        let_torchvision_be_imported()
    for name in names:
        module = importlib.import_module(f"benchmarks.audit.peers.{name}")
        project = module.DISTRIBUTION or "copied scripts"
        try:
            number = version(module.DISTRIBUTION) if module.DISTRIBUTION else ""
            rows = [fact_of(project, number, row) for row in module.rows()]
        except PackageNotFoundError:
            left_out.append(f"not installed: {project}")
            continue
        except Exception as error:  # whatever an installation is missing is the answer
            left_out.append(f"cannot be asked: {project} {number}: {type(error).__name__}: {error}")
            continue
        versions |= {project: number} if number else {}
        found += rows
    return {"versions": versions, "left out": left_out, "rows": found}


def fact_of(project: str, number: str, row: Row) -> dict[str, Any]:
    return {
        "project": project,
        "version": number,
        "call": row.call,
        "quantity": row.quantity,
        "on": row.on,
        "unit": row.unit,
        "value": row.value,
        "error": row.error,
        "truth": row.truth,
        "sizes": dict(row.sizes),
        "ratio": row.ratio,
        "difference": row.difference,
        "verdict": verdict(row),
        "note": row.note,
    }


def main() -> None:
    parser = parser_of(__doc__, FILE)
    parser.add_argument("peers", nargs="*", choices=[[], *PEERS], help="these alone")
    arguments = parser.parse_args()
    script = begin(arguments)
    held = audit(arguments.peers or PEERS)
    print(table(held))
    if arguments.out or not arguments.peers:
        script.save(FILE, held)


if __name__ == "__main__":
    main()
