"""Where a recipe is trained."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pyvae.errors import UserError
from pyvae.training import Checkpoints, train
from pyvae.training.cohorts import check_ways
from pyvae.training.device import device_named, told_device
from tests.training.recipes import grid_recipe
from tests.training.test_train import assert_same

ROOT = Path(__file__).parents[2]
TRAIN = sys.modules[train.__module__]
CUDA = torch.device("cuda", 0)


def test_nothing_of_a_training_step_stays_on_another_device() -> None:
    command = [sys.executable, "-m", "tests.training.another_device"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.split("\n")[:3] == ["grid: trained", "sprites: trained", "convolutions: trained"]


def test_a_device_has_a_name() -> None:
    assert device_named("cpu") == torch.device("cpu") and told_device(torch.device("cpu")) == "cpu"
    for text in ("gpu", "xla", "cuda:one", ""):
        with pytest.raises(UserError, match="device must be cpu, cuda or a certain one such as cuda:1, got "):
            device_named(text)


def test_a_device_that_is_named_is_the_default(tmp_path) -> None:
    recipe = grid_recipe("steps=5")
    assert_same(train(recipe, device="cpu", checkpoints=Checkpoints(tmp_path)), train(recipe))


@pytest.mark.parametrize("way", ["fused", "autograd"])
def test_a_run_by_the_fused_step_stays_on_the_cpu(tmp_path, monkeypatch, way) -> None:
    monkeypatch.setattr(TRAIN, "stepping_of", lambda *_: way)
    train(grid_recipe("steps=5"), checkpoints=Checkpoints(tmp_path / "added-1"))
    checkpoints = Checkpoints(tmp_path)
    check_ways(checkpoints, torch.device("cpu"))
    if way == "autograd":
        check_ways(checkpoints, CUDA)
        return
    with pytest.raises(UserError, match=r"this run takes its steps by the fused step, .*: device cuda needs a run"):
        check_ways(checkpoints, CUDA)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_run_goes_from_one_device_to_the_other(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(TRAIN, "stepping_of", lambda *_: "autograd")
    reference = train(grid_recipe("steps=9"))
    for name, devices in {"to": ("cpu", "cuda"), "fro": ("cuda", "cpu")}.items():
        for steps, device in zip((5, 9), devices, strict=True):
            trained = train(grid_recipe(f"steps={steps}"), device=device, checkpoints=Checkpoints(tmp_path / name))
        for p, q in zip(trained.model.parameters(), reference.model.parameters(), strict=True):
            assert p.device.type == "cpu" and torch.allclose(p, q, rtol=1e-2, atol=1e-3)
