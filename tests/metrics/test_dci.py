"""DCI where the answer is known, and the library's numbers restated."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.ensemble import GradientBoostingClassifier

from pyvae.metrics import Codes, Measured, dci
from tests.metrics import known


def test_known_codes() -> None:
    found = {name: dci(codes, known.factors()) for name, codes in known.CODES.items()}
    d = {name: scores.disentanglement.value for name, scores in found.items()}
    for same in ("perfect", "permuted", "scaled", "exp", "dead", "with noise"):
        assert min(score.value for score in found[same]) > 0.99
    for same in ("permuted", "scaled", "exp"):  # a tree sees the order of values; of equal splits it may take another
        assert d[same] == pytest.approx(d["perfect"], abs=1e-3)
    assert d["rotated"] < 0.35 and d["noise"] < 0.05 and d["perfect"] > d["noisy"] > d["mixed"]
    # A factor in two latents has at least one half of its importance in one: C loses up to log 2 / log 6 of a fifth.
    assert found["duplicated"].disentanglement.value > 0.99
    assert found["duplicated"].completeness.value == pytest.approx(1 - np.log(2) / np.log(6) / 5, abs=0.03)
    assert found["constant"].disentanglement.value == found["constant"].completeness.value == 0
    assert found["constant"].informativeness.value < 0.25


def test_of_factors_in_two_latents_each_completeness_is_that_of_two_in_ten() -> None:
    codes = np.concatenate([known.grid(), known.grid()], 1)
    score = dci(codes, known.factors()).completeness
    by_factor = score.parts["completeness"]
    assert (by_factor > 1 - np.log(2) / np.log(10) - 1e-9).all()  # 0.70 where splits, told apart by the seed, are even
    assert by_factor[4] < 0.8 and score.value < 0.9  # of few values a tree has few splits


def test_the_library_s_numbers_by_its_protocol_in_a_few_lines() -> None:
    codes, labels, cut = known.CODES["mixed"][:400], known.factors().labels[:400, :3], 280
    boosted = [GradientBoostingClassifier(random_state=0).fit(codes[:cut], column[:cut]) for column in labels.T]
    importance = np.stack([one.feature_importances_ for one in boosted], 1)
    by_latent = 1 - entropy(importance.T + 1e-11, base=3)
    by_factor = 1 - entropy(importance + 1e-11, base=5)
    found = dci(codes[:cut], labels[:cut], test=(codes[cut:], labels[cut:]), protocol="disentanglement_lib")
    assert found.disentanglement.value == pytest.approx((by_latent * importance.sum(1)).sum() / 3, abs=2e-3)
    assert found.completeness.value == pytest.approx((by_factor * importance.sum(0)).sum() / 3, abs=2e-3)
    right = [one.score(codes[cut:], column[cut:]) for one, column in zip(boosted, labels.T, strict=True)]
    assert found.informativeness.value == pytest.approx(np.mean(right), abs=0.02)
    assert "GradientBoostingClassifier" in found.disentanglement.settings["probe"]


def test_one_latent_and_one_factor() -> None:
    one = dci(known.grid()[:, :1], known.factors().labels[:, 0])
    assert [score.value for score in one] == pytest.approx([1, 1, 1])


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    codes = Codes(known.CODES["rotated"])
    first, again, other = (dci(codes, known.factors(), seed=seed).disentanglement.value for seed in (1, 1, 2))
    assert first == again != other


def test_intervals_are_as_wide_as_scores_spread() -> None:
    def drawn(seed: int) -> tuple[Measured, ...]:
        rng = np.random.default_rng(seed)
        factors = np.stack([rng.integers(size, size=900) for size in (3, 4, 8)], 1)
        codes = factors / factors.std(0) + 0.4 * rng.normal(size=factors.shape)
        return dci(codes + 0.3 * codes[:, [1, 2, 0]], factors, seed=seed)

    for scores in zip(*[drawn(seed) for seed in range(40)], strict=True):
        spread = np.std([score.value for score in scores])
        width = np.median([(score.high - score.low) / 2 / 1.96 for score in scores])
        assert 0.6 < width / spread < 2
