"""UDR of models that agree, that do not, and that disagree with others."""

import numpy as np
import pytest
import scipy.stats
from sklearn.linear_model import Lasso

from pyvae.metrics import Codes, udr
from tests.metrics import known

RNG = np.random.default_rng(5)
MODELS = [
    known.noisy(0.2)[:, :4],
    -known.noisy(0.1)[:, [3, 1, 0, 2]],
    known.rotated()[:, :4],
]


def naive(models: list[np.ndarray], relation: str) -> np.ndarray:
    """disentanglement_lib's scores of pairs."""
    unit = [(m - m.mean(0)) / m.std(0) for m in models]
    out = np.zeros((len(models), len(models)))
    for i, a in enumerate(unit):
        for j, b in enumerate(unit):
            if i == j:
                continue
            if relation == "lasso":
                related = np.abs(Lasso(alpha=0.1, tol=1e-10).fit(a, b).coef_.T)
            else:
                related = np.abs(scipy.stats.spearmanr(a, b).statistic[: a.shape[1], a.shape[1] :])
            each = [np.nan_to_num(related.max(axis) ** 2 / related.sum(axis)).mean() for axis in (0, 1)]
            out[i, j] = np.mean(each)
    return out


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
@pytest.mark.parametrize("relation", ["lasso", "spearman"])
def test_the_library_s_protocol_restated(relation: str) -> None:
    found = udr(MODELS, relation=relation, protocol="disentanglement_lib")
    expected = naive(MODELS, relation)
    assert np.allclose(found.parts["pairs"], expected, atol=1e-6)
    scores = [np.median(np.delete(expected[:, m], m)) for m in range(3)]
    assert np.allclose(found.parts["scores"], scores, atol=1e-6) and found.value == pytest.approx(np.mean(scores))


def test_models_that_agree_score_high_whatever_their_order_sign_and_scale() -> None:
    z = RNG.normal(size=(2000, 4))
    models = [z, -z[:, [2, 0, 3, 1]] * [1, 1e-3, 50, 1], z + 3]
    assert float(udr(models)) == pytest.approx(0.9, abs=0.02)  # the penalty takes 0.1 of a coefficient of 1
    alike = udr([models[0], models[0]])
    assert alike.value == pytest.approx(alike.ceiling, abs=1e-6) and alike.ceiling == pytest.approx(0.9, abs=1e-6)
    assert float(udr(models, relation="spearman")) > 0.85
    assert float(udr([z, RNG.normal(size=(2000, 4))])) == 0


def test_the_odd_model_has_the_least_score() -> None:
    assert udr(MODELS).parts["scores"].argmin() == 2


def test_uninformative_latents_are_left_out() -> None:
    """By variance, and by KL where there are posteriors; a constant latent's correlation is 0, no NaN."""
    z = known.noisy(0.1)
    dead = np.concatenate([z, np.ones((len(z), 2))], 1)
    for relation in ("lasso", "spearman"):
        assert udr([dead, z], relation=relation).value == pytest.approx(udr([z, z.copy()], relation=relation).value)
    quiet = np.concatenate([z, 1e-3 * RNG.normal(size=(len(z), 2))], 1)
    logvar = np.concatenate([np.full_like(z, -2), np.zeros((len(z), 2))], 1)
    found = udr([Codes(quiet, logvar), z])
    assert found.parts["active"][0].tolist() == [True] * 5 + [False] * 2
    assert found.value == pytest.approx(udr([z, z.copy()]).value)
    assert float(udr([np.ones((10, 2)), RNG.normal(size=(10, 2))])) == 0


def test_the_paper_weighs_latents_equally_and_the_library_models() -> None:
    """One latent of two is told by the only one of the other: (1 + 1) / 3 of latents, (1/2 + 1) / 2 of means."""
    z = RNG.normal(size=(50_000, 2))
    models = [z, z[:, :1]]
    assert float(udr(models, relation="spearman")) == pytest.approx(2 / 3, abs=0.02)
    assert float(udr(models, relation="spearman", protocol="disentanglement_lib")) == pytest.approx(3 / 4, abs=0.02)


def test_intervals_hold_what_many_points_give() -> None:
    def models(rows: int, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(rows, 3))
        return [z, z + rng.normal(size=z.shape), z @ np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 2)[0]]

    truth = float(udr(models(200_000, 99)))
    found = [udr(models(1000, seed), seed=seed) for seed in range(60)]
    assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.88
    assert np.median([f.high - f.low for f in found]) < 4 * 1.96 * np.std([f.value for f in found])


def test_few_points_say_nothing_of_others() -> None:
    z = RNG.normal(size=(9, 2))
    score = udr([z, z])
    assert (score.low, score.high) == (0, score.ceiling)


def test_what_it_refuses() -> None:
    z = RNG.normal(size=(20, 2))
    for few in ([z], z):
        with pytest.raises(ValueError, match="codes must be a list of the codes of at least 2 models"):
            udr(few)
    with pytest.raises(ValueError, match=r"codes must hold the same points for each model, got \[20, 19\]"):
        udr([z, z[1:]])
    with pytest.raises(ValueError, match="relation must be lasso or spearman"):
        udr([z, z], relation="pearson")
