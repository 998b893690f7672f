"""Codes come from anywhere and are the same everywhere."""

import numpy as np
import pytest
import torch

from pyvae.aggregate import aggregate_posterior
from pyvae.metrics import Codes, active_latents
from pyvae.metrics.codes import codes_of

MU, LOGVAR = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), torch.full((50, 3), -1.0)


def test_tensors_arrays_and_files_are_the_same_codes(tmp_path) -> None:
    np.save(tmp_path / "mu.npy", MU.numpy())
    np.save(tmp_path / "logvar.npy", LOGVAR.numpy())
    sources = [
        Codes(MU, LOGVAR),
        Codes(MU.numpy(), LOGVAR.numpy()),
        Codes(tmp_path / "mu.npy", str(tmp_path / "logvar.npy")),
        aggregate_posterior(MU, LOGVAR),
    ]
    scores = [active_latents(codes, samples=100, seed=0) for codes in sources]
    for score in scores:
        assert score.value == scores[0].value
        assert torch.equal(score.parts["information"].value, scores[0].parts["information"].value)


def test_the_posterior_is_made_once() -> None:
    codes = Codes(MU, LOGVAR)
    assert codes.posterior is codes.posterior and codes_of(codes) is codes


def test_an_array_stands_for_its_means() -> None:
    assert codes_of(MU).mu is MU and codes_of(MU).logvar is None
    with pytest.raises(ValueError, match="codes must have a logvar for this metric"):
        active_latents(MU)


def test_what_cannot_be_codes_is_refused_as_by_the_aggregate_posterior() -> None:
    with pytest.raises(ValueError, match="logvar must have the shape of mu"):
        Codes(MU, LOGVAR[:10])
    with pytest.raises(TypeError, match="logvar must have the dtype of mu, float32, got float64"):
        Codes(MU, LOGVAR.double())
    with pytest.raises(TypeError, match="mu must be a tensor, a numpy array or the path"):
        Codes([[1.0]], LOGVAR)
    with pytest.raises(ValueError, match=r"codes must have the shape \[N, D\], got \[50\]"):
        Codes(MU[:, 0])
    with pytest.raises(ValueError, match="logvar must be None beside an AggregatePosterior"):
        Codes(aggregate_posterior(MU, LOGVAR), LOGVAR)
    with pytest.raises(FileNotFoundError, match=r"nope\.npy"):
        Codes("nope.npy")


def test_means_are_points_whatever_they_come_from(tmp_path) -> None:
    np.save(tmp_path / "mu.npy", MU.numpy())
    for codes in (Codes(MU), Codes(tmp_path / "mu.npy"), Codes(MU, LOGVAR), Codes(aggregate_posterior(MU, LOGVAR))):
        assert codes.means.dtype == np.float64 and np.array_equal(codes.means, MU.double().numpy())
        assert len(codes) == 50
    assert Codes(MU, LOGVAR).has_posteriors and not Codes(MU).has_posteriors


def test_points_are_finite_and_some() -> None:
    bad = MU.clone()
    bad[7, 1] = torch.nan
    with pytest.raises(ValueError, match="codes must be finite, got a NaN or an infinity in row 7"):
        _ = Codes(bad).means
    with pytest.raises(ValueError, match=r"codes must hold at least one point of one latent, got the shape \[0, 3\]"):
        Codes(MU[:0])
