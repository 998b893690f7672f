"""What every metric says of codes whose quality is known, and how long it takes.

    python benchmarks/known_codes.py             # known_codes.json into the results of this machine, some minutes
    python benchmarks/known_codes.py --out DIR

10 000 points with dSprites' factors (3, 6, 40, 32 and 32 values) drawn evenly; codes of ten latents, points without
variances. Each metric stands there by its default and, where it has one without boosted trees, by the protocol of
disentanglement_lib.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.script import begin, parser_of
from pyvae.metrics import METRICS, Codes, Factors
from pyvae.metrics.estimators.protocols import PROTOCOLS

SIZES = (3, 6, 40, 32, 32)
ROWS, LATENTS = 10_000, 10
REPEATS = {"paper": 3, "disentanglement_lib": 1}  # of the times, of which the median stands

BOOSTED = ("dci", "downstream_accuracy", "statistical_efficiency")
"""That protocol's probes are boosted trees, at minutes for a code: benchmarks.metrics.probes times one."""

Array = npt.NDArray[np.float64]


def drawn_factors() -> Factors:
    rng = np.random.default_rng(0)
    values = np.stack([rng.integers(size, size=ROWS) for size in SIZES], 1)
    return Factors(values, ("shape", "scale", "orientation", "x", "y"), nominal=["shape"])


def codes_of(factors: Factors) -> dict[str, Array]:
    """Codes [ROWS, LATENTS] by name: five latents that hold the factors in some way, and five more."""
    rng = np.random.default_rng(1)
    perfect = (factors.values - factors.values.mean(0)) / factors.values.std(0)
    noise = rng.normal(size=(ROWS, LATENTS))
    rotation, _ = np.linalg.qr(rng.normal(size=(len(SIZES), len(SIZES))))
    dead = np.zeros((ROWS, LATENTS - len(SIZES)))

    def with_dead(code: Array) -> Array:
        return np.concatenate([code, dead], 1)

    return {
        "perfect": with_dead(perfect),
        "exp": with_dead(np.exp(perfect)),
        "noisy": with_dead(perfect + 0.1 * noise[:, : len(SIZES)]),
        "with noise latents": np.concatenate([perfect, noise[:, len(SIZES) :]], 1),
        "duplicated": np.concatenate([perfect, perfect], 1),
        "rotated": with_dead(perfect @ rotation),
        "noise": noise,
        "constant": np.zeros((ROWS, LATENTS)),
    }


def rows_of(code: Array, factors: Factors) -> list[dict[str, Any]]:
    """Each metric's parts, by each protocol it has; what asks for posteriors is left out."""
    out = []
    for name, metric in METRICS.items():
        for protocol in PROTOCOLS if "protocol" in metric.parameters else PROTOCOLS[:1]:
            if metric.is_slow or name == "active_latents" or (name in BOOSTED and protocol != "paper"):
                continue
            measure = partial(metric.measure, Codes(code), factors, protocol=protocol, seed=0)
            found, seconds = timed(measure, REPEATS[protocol])
            for part, score in found.items():
                numbers = {"value": score.value, "low": score.low, "high": score.high, "ceiling": score.ceiling}
                out.append({"metric": part, "protocol": protocol, "seconds": seconds, **numbers})
    return out


def timed(measure: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """What it gives, or nothing where it refuses, and the median of its seconds."""
    seconds, found = [], {}
    for _ in range(repeats):
        start = time.perf_counter()
        try:
            found = measure()
        except ValueError as refusal:
            print(f"  {refusal}")
        seconds.append(time.perf_counter() - start)
    return found, float(np.median(seconds))


def main() -> None:
    script = begin(parser_of(__doc__, "known_codes.json").parse_args())
    factors, codes = drawn_factors(), {}
    for name, code in codes_of(factors).items():
        codes[name] = rows_of(code, factors)
        print(name, ", ".join(f"{row['metric']} {row['value']:.3f}" for row in codes[name]), flush=True)
    facts = {"rows": ROWS, "latents": LATENTS, "factors": SIZES, "threads": torch.get_num_threads(), "codes": codes}
    script.save("known_codes.json", facts)


if __name__ == "__main__":
    main()
