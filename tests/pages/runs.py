"""Trained models for pages, made in a moment: bars of three colours at ten places, images that are not square."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from pyvae.data import Arrays, Bias, Remove
from pyvae.losses import BernoulliReconstruction, BetaVAE, Objective
from pyvae.nn import StackedVAE
from pyvae.pages import How, Run, run_of
from pyvae.studies.biased_grid import STUDY, BiasedGridConfig
from pyvae.studies.biased_grid.recipe import recipe as grid_recipe
from pyvae.studies.folder import checkpoints_in, claimed
from pyvae.training import Recipe, TrainingSettings, product, train

SMALL = How(images=4, points=60)


@functools.cache
def bars() -> Arrays:
    """[120, 3, 12, 20] in [0, 1]."""
    factors = np.array([(colour, place) for colour in range(3) for place in range(10)] * 4)
    images = np.zeros((len(factors), 3, 12, 20), np.float32)
    for image, (colour, place) in zip(images, factors, strict=True):
        image[colour, 2:10, 2 * place : 2 * place + 2] = 1
    return Arrays(images, factors, names=["colour", "place"], nominal=["colour"])


def recipe(
    *,
    latents: int = 3,
    steps: int = 60,
    removed: int | None = None,
    objective: type[Objective] = BetaVAE,
    strengths: tuple[float, ...] = (1.0, 4.0),
    **others: Any,
) -> Recipe:
    """Two models; `removed` is a colour that training never draws."""
    data = others.pop("data", bars())
    bias = None if removed is None else Bias(Remove({"colour": [removed]}))
    given: dict[str, Any] = {
        "cells": product((0.0,), strengths, (0,)),
        "settings": TrainingSettings(steps=steps, batch_size=32, validation_images=32, learning_rate=3e-3),
        "data": data,
        "bias": lambda cells: None if bias is None else [bias] * len(cells),
        "model": lambda models, seeds: StackedVAE(models, data.size, (32,), latents, seeds=seeds),
        "likelihood": BernoulliReconstruction(),
        "objective": objective,
        "objective_settings": {},
        "axes": ("bias", objective.strength),
    }
    return Recipe(**{**given, **others})


def run(name: str = "bars", **settings: Any) -> Run:
    """Its models, trained."""
    made = recipe(**settings)
    return run_of(name, made, train(made))


def trained_in(folder: Path, config: BiasedGridConfig) -> Path:
    """A folder with a study's models, and nothing of what it would measure and draw."""
    with claimed(STUDY, config, folder, resume=False):
        train(grid_recipe(config), checkpoints=checkpoints_in(folder))
    return folder
