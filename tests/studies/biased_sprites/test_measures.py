"""How much codes that are known tell of the factors, over all images and in parts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pyvae.metrics import Codes
from pyvae.studies.biased_sprites.biases import Split, splits
from pyvae.studies.biased_sprites.measures import Recovered, _mean, name_of, of_models, of_removals
from pyvae.studies.scores import Points
from tests.studies.biased_sprites.tiny import TINY

DATA = TINY.data.open()
POINTS = Points(DATA)
LABELS = DATA.test_factors()
SPLITS = splits(TINY, DATA, LABELS)


def told(mu: torch.Tensor, logvar: float, samples: int = 4096) -> dict[str, float]:
    metric = of_models(POINTS, SPLITS, samples)[0]
    codes = Codes(mu, torch.full_like(mu, logvar))
    found = metric.measure(codes, POINTS.factors, protocol="paper", seed=0)
    return {name: score.value / score.ceiling for name, score in found.items() if score.ceiling > 0}


def test_a_perfect_code_reaches_the_ceiling_and_an_empty_one_nothing() -> None:
    full = told(LABELS.float(), -12.0)
    assert full["recovered of x"] == pytest.approx(1) and full["recovered"] >= 1 - 1e-9
    nothing = told(torch.zeros(len(LABELS), 3), 0.0)
    assert max(map(abs, nothing.values())) < 1e-9


def test_parts_are_averages_whose_mean_is_the_whole() -> None:
    found = Recovered.measure(
        of_models(POINTS, SPLITS, 4096)[0],
        Codes(LABELS[:, 3:].float(), torch.zeros(len(LABELS), 2)), POINTS.factors, protocol="paper", seed=0,
    )  # fmt: skip
    whole = found["recovered of x"].value
    assert 0 < whole < math.log(4) and found["recovered of x"].low < whole < found["recovered of x"].high
    for split in SPLITS:
        share = split.rare.mean()
        parts = [found[name_of("recovered", split.label, part, "x")].value for part in ("often", "rare")]
        assert (1 - share) * parts[0] + share * parts[1] == pytest.approx(whole)


def test_what_is_told_in_one_part_only_is_seen_there() -> None:
    """A code of x that is the same wherever the removal takes images away."""
    removed = torch.from_numpy(SPLITS[2].rare)
    mu = LABELS[:, 3:4].float().masked_fill(removed[:, None], -9.0)
    found = told(mu, -12.0)
    assert found["recovered of x, remove 0.5, often"] > 0.95 > 0.6 > found["recovered of x, remove 0.5, rare"]


def test_fewer_samples_are_some_of_the_images() -> None:
    assert told(LABELS.float(), -12.0, samples=16)["recovered of y"] == pytest.approx(1)


def few(count: int) -> Split:
    """A removal of so many images."""
    return SPLITS[2]._replace(rare=np.arange(len(LABELS)) < count)


def test_few_rows_have_no_interval_and_more_have_students() -> None:
    """One row is no certainty, nor are nine; of ten and more the interval is that of scipy."""
    stats = pytest.importorskip("scipy.stats")
    generator = torch.Generator().manual_seed(0)
    mu = LABELS.float() + torch.randn(LABELS.shape, generator=generator)
    codes, metric = Codes(mu, torch.zeros_like(mu)), of_models(POINTS, [few(1)], 4096)[0]
    for count in (1, 9, 10, 30):
        found = replace(metric, splits=[few(count)]).measure(codes, POINTS.factors, protocol="paper", seed=0)
        for name in ("recovered, remove 0.5, rare", "recovered of x, remove 0.5, rare"):
            score = found[name]
            if count < 10:
                assert (score.low, score.high) == (min(score.value, 0.0), max(score.value, score.ceiling))
                assert score.high - score.low >= score.ceiling
            else:
                assert score.high - score.value == pytest.approx(score.value - score.low)
                assert score.low < score.value
    terms = np.random.default_rng(0).normal(size=12)
    low, high = stats.t.interval(0.95, 11, terms.mean(), stats.sem(terms))
    assert (_mean(terms, 1.0).low, _mean(terms, 1.0).high) == (pytest.approx(low), pytest.approx(high))


def test_scores_of_a_part_of_few_images_hold_all_that_is_possible() -> None:
    codes = Codes(LABELS[:, 1:].float() + 0.01, torch.full((len(LABELS), 4), -6.0))
    found = of_removals([few(5)]).measure(codes, POINTS.factors, protocol="paper", seed=0)
    for name in ("minimality", "sufficiency"):
        score = found.get(f"{name}, remove 0.5, rare")
        assert score is None or (score.low, score.high) == (0.0, score.ceiling)


def test_a_model_that_diverged_is_refused() -> None:
    with pytest.raises(ValueError, match="mu must be finite, got a NaN or an infinity in row 0"):
        told(torch.full((len(LABELS), 2), torch.nan), 0.0)


def test_scores_in_parts_are_those_of_their_images_alone() -> None:
    metric = of_removals(SPLITS)
    codes = Codes(LABELS[:, 1:].float() + 0.01, torch.full((len(LABELS), 4), -6.0))
    found = metric.measure(codes, POINTS.factors, protocol="paper", seed=0)
    assert {name.split(", ", 1)[1] for name in found} == {"remove 0.5, often", "remove 0.5, rare"}
    assert found["active_latents, remove 0.5, rare"].value == 4
    assert 0 < found["sufficiency, remove 0.5, rare"].value <= 1
