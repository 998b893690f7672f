"""Times the cases of `make bench` for groups_beside.py, which starts it: each line on standard input names one by its
number, and the seconds of an evaluation go to standard output. It runs in this build of pyvae and in commit 48d180e.
"""

import itertools
import sys
import time
from collections.abc import Callable

from pyvae.bench.cases import Case, full_cases, ops
from pyvae.bench.providers import OURS, evaluation

MOST_TERMS = 3_000_000_000
"""About a second's worth; larger cases take the same loops."""

ROUND_SECONDS = 0.15


def measured_cases() -> list[Case]:
    """Every case of every op that is not too large."""
    return [case for op in ops() for case in full_cases(op) if case.terms <= MOST_TERMS]


def timed(call: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def main() -> None:
    cases, last = measured_cases(), (-1, 0)
    call: Callable[[], object] = print
    print("ready", flush=True)
    for line in sys.stdin:
        number = int(line)
        if number != last[0]:
            call = evaluation(OURS, cases[number])
            call()
            last = number, max(1, round(ROUND_SECONDS / min(timed(call, 1) for _ in itertools.repeat(None, 3))))
        print(timed(call, last[1]), flush=True)


if __name__ == "__main__":
    main()
