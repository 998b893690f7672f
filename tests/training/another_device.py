"""Training on a device that is not there: tensors without numbers that know on which device they would be. Two on
different devices cannot meet, so that whatever training leaves on the CPU ends this program with an error.

    python -m tests.training.another_device

A process of its own, since torch's build for the CPU alone knows no cuda tensors, not even such: there a device of
another name, which torch is told of for the rest of the process, takes the place.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils import backend_registration

from pyvae.data import Bias, Factor
from pyvae.data.bias import drawing
from pyvae.training import Checkpoints, Recipe
from pyvae.training.chunk import Chunk
from pyvae.training.groups import regroup
from pyvae.training.stopping import Stopping
from pyvae.training.train import Training
from tests.training.recipes import companion_recipe, conv_recipe, grid_recipe, sprite_recipe

RECIPES = {
    "grid": grid_recipe(),
    "sprites": sprite_recipe(),
    "convolutions": conv_recipe(),
    "companions": companion_recipe(),
}


def pretend_device() -> torch.device:
    """A device that no tensor with numbers can be on."""
    if torch.version.cuda is not None:
        return torch.device("cuda:0")
    backend_registration._setup_privateuseone_for_python_backend("pretend")
    FakeTensorMode.avoid_device_init = property(lambda mode: True)  # type: ignore[assignment, method-assign]
    return torch.device("pretend:0")


def moved(module: nn.Module, change: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """What Module.to does, with new parameters in place of the old: torch swaps fake ones, and cannot swap these."""
    for owner in module.modules():
        for name, parameter in owner._parameters.items():
            owner._parameters[name] = nn.Parameter(change(parameter.detach()), parameter.requires_grad)
        for name, buffer in owner._buffers.items():
            owner._buffers[name] = change(buffer)
    return module


@functools.cache
def sampler_on(factors: tuple[Factor, ...], biases: tuple[Bias, ...], device: torch.device) -> Any:
    """What draws of a bias look up, made of numbers, which fake tensors lack, before it goes to the device."""
    with unset_fake_temporarily():
        sampler = drawing._GridSampler(factors, biases, torch.device("cpu"))
    for part in (sampler, sampler.tables):
        for name, value in vars(part).items():
            setattr(part, name, value.to(device) if isinstance(value, Tensor) else value)
    return sampler


class Kept(Checkpoints):
    """Keeps in memory what it is asked to save."""

    tensors: dict[str, Tensor]
    state_: dict[str, Any]

    def __init__(self) -> None:
        pass

    def save(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.tensors, self.state_ = tensors, state


def is_on(device: torch.device, chunk: Chunk) -> None:
    moments = [moment for pair in chunk.stepper.moments() for moment in pair]
    adam = [value for state in chunk.stepper._adam._adam.state.values() for value in state.values()]
    beside = [*chunk.companions.named.values(), *(m for pair in chunk.companions.moments() for m in pair)]
    for tensor in (*chunk.model.parameters(), *moments, *adam, *beside, chunk.sums):
        assert tensor.device == device, tensor.device


def train_some(recipe: Recipe, device: torch.device) -> None:
    training = Training(recipe, None, device)  # type: ignore[arg-type]
    assert training.stepping == "autograd"
    training.start()
    for chunk in training.chunks:
        chunk.run(0, 2)
        is_on(device, chunk)
    training.step = 2
    losses = [chunk.validate() for chunk in training.chunks]
    assert all(loss.device.type == "cpu" for loss in losses)
    best = Stopping(len(recipe.cells), 1, 0, recipe.model(len(recipe.cells), None))
    for chunk in training.chunks:
        best._keep(chunk, range(len(chunk.cells)))
    (merged, *_) = regroup(training.chunks, [[0] for _ in training.chunks], 2, 1, "autograd")
    merged.run(2, 3)
    is_on(device, merged)
    kept = Kept()
    training.save(kept)
    assert all(tensor.device.type == "cpu" for tensor in kept.tensors.values())
    for place in (device, torch.device("cpu")):
        again = Training(recipe, None, place)  # type: ignore[arg-type]
        again.stepping = training.stepping
        again.chunks = [again._restored(kept.tensors, c, where) for c, where in enumerate(kept.state_["chunks"])]
        for chunk in again.chunks:
            is_on(place, chunk)
            chunk.restore(list(chunk.companions.named.values()), chunk.moments(), 2)
            is_on(place, chunk)
    training.diverged = np.zeros(1, bool)  # type: ignore[assignment]  # is read, and fake tensors have nothing to read
    assert all(parameter.device.type == "cpu" for parameter in training.trained().model.parameters())


def main() -> None:
    torch.set_num_threads(2)  # a chunk for each model: of several seeds in one tensor torch forgets the numbers
    device = pretend_device()
    nn.Module._apply = moved  # type: ignore[method-assign]
    drawing._grid_sampler = sampler_on  # type: ignore[assignment]
    for name, recipe in RECIPES.items():
        with FakeTensorMode(allow_non_fake_inputs=True), torch.autograd.set_multithreading_enabled(False):
            train_some(dataclasses.replace(recipe, cells=recipe.cells[:2]), device)
        print(f"{name}: trained")


if __name__ == "__main__":
    main()
