"""Whatever the codes and factors, a score is a number in range with an interval around it, or one sentence."""

import importlib
import math
import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from pyvae.metrics import METRICS, Codes, Factors, Metric
from pyvae.metrics.estimators.protocols import PROTOCOLS
from tests.metrics import known

# Of the protocols of those that draw batches: fewer, so that hundreds of codes are tried in seconds.
FEW = {
    "factor_vae_score": {"train_votes": 100, "test_votes": 50},
    "beta_vae_score": {"train_batches": 60, "test_batches": 40},
    "active_latents": {"samples": 50},
    "mine": {"steps": 20},
}
# What fits a probe for each factor takes a tenth of a second.
WITH_A_PROBE = {"dci", "dci_es", "mine", "downstream_accuracy", "statistical_efficiency", "explicitness"}
LEAST = {"dci_es": -1.0}  # the others start at 0
CHANGES = {
    "constant": lambda z, rng: np.full_like(z, 1.5),
    "duplicated": lambda z, rng: np.repeat(z[:, :1], z.shape[1], 1),
    "dead": lambda z, rng: z * (np.arange(z.shape[1]) > 0),
    "noise": lambda z, rng: z,
    "heavy tails": lambda z, rng: rng.standard_cauchy(size=z.shape),
    "one outlier": lambda z, rng: np.where(np.arange(len(z))[:, None] == 0, 1e30, z),
    "tiny": lambda z, rng: z * 1e-30,
    "huge": lambda z, rng: z * 1e200,
    "subnormal": lambda z, rng: z * 1e-310,
    "far from 0": lambda z, rng: z + 1e16,
    "whole numbers": lambda z, rng: np.floor(z),
    "two values": lambda z, rng: (z > 0).astype(float),
    "NaN": lambda z, rng: np.where(np.arange(z.size).reshape(z.shape) == 0, np.nan, z),
    "infinity": lambda z, rng: np.where(np.arange(z.size).reshape(z.shape) == z.size - 1, np.inf, z),
}


def hostile(case: int) -> tuple[Codes, Factors]:
    """Codes of at most 200 rows, changed in one way, and factors of few or many values, one, or continuous ones."""
    rng = np.random.default_rng(case)
    rows, latents, factors = (
        int(rng.choice([1, 2, 3, 5, 20, 100, 200])),
        int(rng.integers(1, 5)),
        int(rng.integers(1, 4)),
    )
    change = list(CHANGES.values())[case % len(CHANGES)]
    codes = change(rng.normal(size=(rows, latents)), rng)
    values = rng.integers(int(rng.integers(1, 7)), size=(rows, factors)).astype(float)
    if rng.random() < 0.1:
        values += rng.random(size=values.shape)
    if rng.random() < 0.2 and np.isfinite(codes).all():
        shared = min(latents, factors)
        codes[:, :shared] = values[:, :shared]
    logvar = np.full_like(codes, rng.normal()) if rng.random() < 0.3 else None
    return Codes(codes, logvar), Factors(values)


def protocols(name: str) -> list[dict[str, str]]:
    return [{"protocol": known} for known in PROTOCOLS] if "protocol" in METRICS[name].parameters else [{}]


@pytest.mark.parametrize("name", METRICS)
def test_no_codes_break_a_score(name: str, figure: int) -> None:
    metric, answered = METRICS[name], 0
    for case in range(max(28, figure // 10) if name in WITH_A_PROBE else figure):
        codes, factors = hostile(case)
        given = [codes, factors] if metric.needs_factors else [codes]
        protocol = protocols(name)[case // len(CHANGES) % len(protocols(name))]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = metric.function(*given, **protocol, **FEW.get(name, {}))
            except (ValueError, TypeError) as refusal:
                assert is_a_sentence(str(refusal), metric), f"case {case}: {refusal}"
                continue
        answered += 1
        for part in [found] if hasattr(found, "low") else found:
            assert in_range(part, LEAST.get(name, 0)), f"case {case}: {part}"
    assert answered > case / 20  # a score that refuses everything says nothing


def is_a_sentence(text: str, metric: Metric) -> bool:
    """One line that names an argument of the score, or of the Codes it was given, and what was expected of it."""
    arguments = (*metric.parameters, "mu", "logvar")
    return "\n" not in text and text.split()[0] in arguments and " must " in text


def in_range(score: object, least: float) -> bool:
    """A finite number from the least within its interval, at most its ceiling but for rounding."""
    value, low, high, ceiling = (float(getattr(score, part)) for part in ("value", "low", "high", "ceiling"))
    above = ceiling + 1e-9 * max(1.0, abs(ceiling)) if math.isfinite(ceiling) else math.inf
    bounded = least - 1e-9 <= value <= above and not math.isnan(low + high)
    return math.isfinite(value) and low <= value <= high and bounded


@pytest.mark.parametrize(
    "name", [name for name, metric in METRICS.items() if metric.needs_factors and not metric.is_slow]
)
def test_better_codes_score_more(name: str) -> None:
    """A perfect code before one with noise, and that before one that says nothing; both in the same place if scaled."""
    metric = METRICS[name]

    def score(codes: np.ndarray) -> float:
        found = metric.function(Codes(codes), known.factors())
        return float(found if hasattr(found, "low") else found[0])

    if name in UNORDERED:
        pytest.skip(UNORDERED[name])
    perfect, noise = score(known.grid()), score(known.CODES["noise"])
    assert perfect >= score(known.noisy(0.5)) - 0.01 and perfect > noise


UNORDERED = {
    "active_latents": "it asks for posteriors",
    "statistical_efficiency": "a ratio, which a code that tells nothing has at 1",
}


@pytest.mark.parametrize("name", ["beta_vae_score", "infomec", "downstream_accuracy", "explicitness"])
def test_probes_are_fitted_by_one_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a seed gives the same bits on any machine: sums of several threads round in another order."""
    model, threads = importlib.import_module("sklearn.linear_model").LogisticRegression, []
    fit = model.fit

    def recorded(self: object, *given: object) -> object:
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return fit(self, *given)

    monkeypatch.setattr(model, "fit", recorded)
    with threadpool_limits(2):
        METRICS[name].function(known.CODES["noisy"][:200], known.factors().labels[:200], **FEW.get(name, {}))
    assert set(threads) == {1}


@pytest.mark.parametrize("rows", [3, 9])
@pytest.mark.parametrize("name", METRICS)
def test_few_points_say_nothing_of_others(name: str, rows: int) -> None:
    metric = METRICS[name]
    codes, factors = np.array([0.0, 0.1, 5.0, 0.2, 0.3, 5.2, 0.4, 5.3, 5.4])[:rows], [0, 0, 1, 0, 0, 1, 0, 1, 1][:rows]
    given = [np.stack([codes, -(codes**2)], 1), *([factors] if metric.needs_factors else [])]
    try:
        found = metric.function(*given, **FEW.get(name, {}))
    except (TypeError, ValueError) as refusal:
        assert is_a_sentence(str(refusal), metric)
        return
    for part in [found] if hasattr(found, "low") else found:
        assert (part.low, part.high) == (LEAST.get(name, 0), part.ceiling)
