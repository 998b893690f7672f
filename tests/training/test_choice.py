"""Which way to take training steps, and that a checkpoint's way is kept."""

import sys

import pytest
import torch
from torch import Tensor, nn

from pyvae.losses import (
    Autoencoder,
    BernoulliReconstruction,
    BetaVAE,
    DenoisingAutoencoder,
    GaussianReconstruction,
    LearnedGaussianReconstruction,
)
from pyvae.nn import StackedVAE
from pyvae.training import choice
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.chunk import STEPS
from pyvae.training.train import Training, train
from tests.training.recipes import grid_recipe as grid


def model(**settings: object) -> StackedVAE:
    return StackedVAE(1, 4, (3,), 2, **settings)


def test_the_faster_way_is_taken_and_noise_does_not_decide(monkeypatch) -> None:
    for fused, expected in ((1.0, "fused"), (1.2, "fused"), (1.3, "autograd")):
        monkeypatch.setattr(choice, "step_times", lambda fused=fused: {"autograd": 1.0, "fused": fused})
        assert choice.stepping_of(model(), GaussianReconstruction(), BetaVAE()) == expected


@pytest.mark.parametrize(
    ("built", "likelihood", "objective"),
    [
        (model().double(), GaussianReconstruction(), BetaVAE()),
        (model(), GaussianReconstruction(event_dims=3), BetaVAE()),
        (model(), BernoulliReconstruction(event_dims=2), BetaVAE()),
        (model(), nn.MSELoss(), BetaVAE()),
        (model(), LearnedGaussianReconstruction(), BetaVAE()),
        (type("Another", (StackedVAE,), {})(1, 4, (3,), 2), GaussianReconstruction(), BetaVAE()),
        (model(), GaussianReconstruction(), Autoencoder()),
        (model(), GaussianReconstruction(), DenoisingAutoencoder()),
    ],
)
def test_what_has_no_fused_step_goes_by_autograd(monkeypatch, built, likelihood, objective) -> None:
    monkeypatch.setattr(choice, "step_times", lambda: pytest.fail("there is nothing to choose"))
    assert choice.stepping_of(built, likelihood, objective) == "autograd"


def test_the_measurement_times_every_way() -> None:
    times = choice.step_times()
    assert set(times) == set(STEPS) and all(0 < seconds < 1 for seconds in times.values())
    assert choice.step_times() is times


@pytest.mark.parametrize(("way", "other"), [("fused", "autograd"), ("autograd", "fused")])
def test_a_run_goes_on_the_way_it_began(monkeypatch, tmp_path, way, other) -> None:
    def take(name: str) -> None:
        monkeypatch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: name)

    def parameters(trained: object) -> list[Tensor]:
        return list(trained.model.parameters())

    take(way)
    whole = train(grid("steps=23"))
    train(grid("steps=10"), checkpoints=Checkpoints(tmp_path))
    take(other)
    longer = train(grid("steps=23"), checkpoints=Checkpoints(tmp_path))
    assert Checkpoints(tmp_path).state()["stepping"] == way
    assert all(torch.equal(a, b) for a, b in zip(parameters(longer), parameters(whole), strict=True))
