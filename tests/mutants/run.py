"""Builds and tests every mutant: `python -m tests.mutants.run [NAME ...]`, names such as gaussian_kl or gaussian_kl-07.

Prints what noticed each. Exits with 1 if one survives, no longer applies or does not compile.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.mutant import Mutant, load
from tests.mutants.workshop import BuildError, Workshop


def chosen(names: list[str]) -> list[Mutant]:
    mutants = load()
    unknown = set(names) - {m.op for m in mutants} - {m.name for m in mutants}
    if unknown:
        raise SystemExit(f"NAME must be an op or a mutant of one, got {', '.join(sorted(unknown))}.")
    return [m for m in mutants if not names or m.op in names or m.name in names]


def verdict(workshop: Workshop, mutant: Mutant) -> tuple[bool, str]:
    """Whether the mutant was caught, and by what."""
    try:
        test = workshop.try_mutant(mutant)
    except ValueError as error:
        return False, str(error)
    except BuildError as error:
        return False, f"DOES NOT COMPILE: {error}"
    return test is not None, test or "SURVIVED"


def run(mutants: list[Mutant], scratch: Path) -> int:
    """Tries the mutants in order; the number that was not caught."""
    workshop = Workshop(scratch)
    workshop.build()
    for op in dict.fromkeys(m.op for m in mutants):
        failed = workshop.failure(op)
        if failed is not None:
            raise SystemExit(f"Without a mutant the tests of {op} must pass, but {failed} does not.")
    missed = 0
    for mutant in mutants:
        start = time.monotonic()
        caught, by = verdict(workshop, mutant)
        missed += not caught
        seconds = time.monotonic() - start
        result = "caught" if caught else "MISSED"
        print(f"{mutant.name:26} {result:7} {seconds:4.0f} s  {mutant.why}; {by}")
        sys.stdout.flush()
    print(f"{len(mutants) - missed} of {len(mutants)} mutants caught")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an op or a mutant; default all")
    parser.add_argument("--scratch", type=Path, help="a folder for the copy of the tree; default a temporary one")
    arguments = parser.parse_args()
    mutants = chosen(arguments.names)
    with tempfile.TemporaryDirectory(prefix="pyvae-mutants-") as temporary:
        missed = run(mutants, arguments.scratch or Path(temporary))
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
