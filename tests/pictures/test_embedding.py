import sys

import numpy as np
import pytest

from pyvae.pictures import NothingToShow, draw_embedding, pca, tsne

RNG = np.random.default_rng(0)


def test_principal_components_are_the_directions_of_most_variance() -> None:
    scales = np.array([1.0, 5.0, 0.1])
    codes = RNG.normal(size=(4000, 3)) * scales + 7
    found = pca(codes)
    np.testing.assert_allclose(found.points.std(0), [5.0, 1.0], rtol=0.05)
    np.testing.assert_allclose(found.points[:, 0], codes[:, 1] - codes[:, 1].mean(), atol=0.2)
    assert found.axes[0] == "component 1 (96% of the variance)"
    flipped = pca(codes * [1, -1, 1])
    np.testing.assert_allclose(flipped.points[:, 0], -found.points[:, 0])  # signs do not depend on the library


def test_one_latent_is_a_line() -> None:
    found = pca(np.arange(5.0)[:, None])
    np.testing.assert_allclose(found.points, np.column_stack([np.arange(5.0) - 2, np.zeros(5)]))


def test_tsne_keeps_clusters_apart_and_is_fixed_by_its_seed() -> None:
    codes = np.concatenate([RNG.normal(size=(40, 4)), RNG.normal(size=(40, 4)) + 30])
    found = tsne(codes, seed=3)
    first, second = found.points[:40], found.points[40:]
    spread = max(part.std(0).max() for part in (first, second))
    assert np.linalg.norm(first.mean(0) - second.mean(0)) > 2 * spread
    np.testing.assert_array_equal(found.points, tsne(codes, seed=3).points)
    assert found.title == "t-SNE (perplexity 26.3)"  # a third of the points


@pytest.mark.parametrize("make", [pca, tsne])
@pytest.mark.parametrize("value", [0.0, 1e3])
def test_a_collapsed_model_is_a_sentence(make, value) -> None:
    noise = RNG.normal(size=(50, 3)) * 1e-9 * (1 + value)
    with pytest.raises(NothingToShow, match=r"the model has collapsed, and its codes are one point"):
        make(value + noise)
    with pytest.raises(NothingToShow, match=r"the model has diverged"):
        make(np.full((5, 2), np.nan))


def test_without_scikit_learn_tsne_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ImportError, match=r"pip install 'pyvae-torch\[metrics\]'"):
        tsne(RNG.normal(size=(20, 2)))
    assert pca(RNG.normal(size=(20, 2))).points.shape == (20, 2)


def test_colours_are_of_kinds_or_of_amounts() -> None:
    found = pca(RNG.normal(size=(60, 2)))
    kinds, amounts = np.arange(60) % 3, np.arange(60.0)
    nominal = draw_embedding(found, kinds, "shape", nominal=True)
    assert [text.get_text() for text in nominal.legends[0].get_texts()] == ["0", "1", "2"]
    assert nominal.axes[0].get_title(loc="left") == "Principal components, by shape"
    assert len(draw_embedding(found, amounts, "x").axes) == 2  # a scale of colours
    assert len(draw_embedding(found).axes) == 1
