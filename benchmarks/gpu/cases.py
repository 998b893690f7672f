"""What is measured on a GPU, what matters most first; who takes part in a case."""

from collections.abc import Iterator
from dataclasses import replace

from pyvae.bench import keops
from pyvae.bench.cases import (
    BACKWARD,
    DENSITIES,
    DENSITY,
    DIRECTIONS,
    FORWARD,
    GRIDDED,
    KL,
    MOMENTS,
    REPARAMETERIZE,
    SAMPLE_WITH_KL,
    Case,
)
from pyvae.bench.providers import COMPILED, COPY, EAGER, EXACT, KEOPS, OURS

TOY_ROWS = 48

EXACT_FORWARD = (Case(DENSITY, 16384, 10, FORWARD), Case(DENSITY, 8192, 64, FORWARD))
GRIDDED_STEP = Case(GRIDDED, 65536, 10, BACKWARD)
AGAINST_COMPILED = Case(DENSITY, 8192, 10, BACKWARD)
KL_OF_64_MI = Case(KL, 2**19, 128, FORWARD)
SAMPLE_OF_64_MI = Case(REPARAMETERIZE, 2**19, 128, FORWARD)

BARS = (*EXACT_FORWARD, GRIDDED_STEP, AGAINST_COMPILED, KL_OF_64_MI, SAMPLE_OF_64_MI)

# All but those of the bars, until the time is up.
_MORE = (
    *(Case(DENSITY, rows, 10, direction) for rows in (512, 2048, 16384, 65536) for direction in DIRECTIONS),
    Case(KL, 2**19, 128, BACKWARD),
    Case(REPARAMETERIZE, 2**19, 128, BACKWARD),
    *(Case(SAMPLE_WITH_KL, 2**19, 128, direction) for direction in DIRECTIONS),
    # Moments [8, 32, 64, 64] and [64, 8, 64, 64] of image autoencoders, and as many as no cache holds.
    *(
        Case(MOMENTS, *size, direction)
        for size in ((8, 2**16), (64, 2**14), (2**10, 2**16))
        for direction in DIRECTIONS
    ),
    Case(DENSITY, 8192, 64, BACKWARD),
    *(Case(GRIDDED, rows, 10, BACKWARD) for rows in (4096, 16384)),
    *(Case(DENSITY, 4096, latents, BACKWARD) for latents in (2, 32, 128)),
    Case(KL, 64, 10, BACKWARD),
)

_COMPARED = {AGAINST_COMPILED, *(Case(DENSITY, rows, 10, BACKWARD) for rows in (512, 2048))}
"""Densities whose tensors of pairs the peers can hold, and whose compilation is worth its seconds."""


def cases(*, toy: bool) -> Iterator[Case]:
    """Every case once."""
    every = dict.fromkeys((*BARS, *_MORE))
    yield from dict.fromkeys(replace(case, rows=TOY_ROWS) for case in every) if toy else every


def providers(case: Case) -> list[str]:
    """pyvae first; compilers only where a bar or a comparison asks for them."""
    if case.op == GRIDDED:
        return [OURS, EXACT]
    if case.op not in DENSITIES:
        return [OURS, EAGER] + ([] if case.backward else [COPY])
    if case not in _COMPARED:
        return [OURS]
    return [OURS, EAGER, COMPILED] + ([KEOPS] if keops.is_installed() else [])
