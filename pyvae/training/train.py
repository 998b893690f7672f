"""Trains all models of a recipe at once, in chunks, with curves, early stopping and checkpoints.

Every model's random numbers come from its own streams and the step's number, so a model trains the same alone
or in company, in one go or resumed. The same bit for bit where batch size, hidden widths and validation images
are multiples of 16 (a batch of 32 beside a discriminator), as in every preset; else torch's vector kernels and matrix
products round a model's numbers by their place in the stack. Resuming is bit for bit always. Between two points of the
curves chunks take their steps one after the other, about a second's worth at a time.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pyvae.errors import Interrupted
from pyvae.nn import StackedModel, stack
from pyvae.training.cells import Cell
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.choice import stepping_of
from pyvae.training.chunk import Chunk
from pyvae.training.curves import Curves
from pyvae.training.device import check_way, way_of
from pyvae.training.groups import initial_chunks, regroup
from pyvae.training.progress import TrainingProgress
from pyvae.training.recipe import Recipe
from pyvae.training.stopping import Stopping
from pyvae.training.workers import workers

ROUND_SECONDS = 1.0
"""Of steps that are taken before anybody is asked whether to stop."""


@dataclass(frozen=True)
class Trained:
    """What training leaves: all models in the order of `cells`, on the CPU, and for each how far it went."""

    model: StackedModel
    cells: tuple[Cell, ...]
    steps: Tensor
    """Steps taken, int64 [N]."""
    best_step: Tensor
    """Step whose parameters `model` holds, int64 [N]; equal to `steps` without patience."""
    curves: Curves
    stepping: tuple[str, ...] = ()
    """How steps were taken, of pyvae.training.chunk.STEPS."""
    beside: Mapping[str, Tensor] = field(default_factory=dict)
    """What was trained beside the models, such as the likelihood's variance, [N, …] by name."""


class Training:
    """The state of a training run between two steps."""

    def __init__(self, recipe: Recipe, pool: ThreadPoolExecutor, device: torch.device | str = "cpu") -> None:
        self.recipe, self.pool, self.device = recipe, pool, torch.device(device)
        self.cells = recipe.cells
        self.threads = torch.get_num_threads()
        model = recipe.model(1, None).to(device)
        if model.TERMS_OF_ITS_OWN:
            kind = type(model).__name__
            raise ValueError(
                f"model must have one layer of codes, as objectives have, got a {kind}: train it in a loop"
            )
        self.stepping = stepping_of(model, recipe.likelihood, recipe.of_strength_one)
        """How steps are taken, one of pyvae.training.chunk.STEPS."""
        self.step = 0
        self._round = 1
        """Steps that chunks take one after the other; a second's worth, so that training stops soon when asked."""
        self.steps = torch.zeros(len(self.cells), dtype=torch.int64)
        self.curves = Curves(recipe.terms)
        self._curves_read = 0
        """Step of the last training curve point."""
        self.chunks: list[Chunk] = []
        self.diverged = torch.zeros(len(self.cells), dtype=torch.bool)
        """Models whose loss was not finite at their last curve point."""
        self.stopping: Stopping | None = None
        if recipe.settings.patience is not None:
            models = len(self.cells)
            best = recipe.model(models, None)
            self.stopping = Stopping(models, recipe.settings.patience, recipe.settled_after, best)

    def start(self) -> None:
        """All models at step 0."""
        self.chunks = initial_chunks(self.recipe, self.threads, self.stepping, self.device)

    @property
    def finished(self) -> bool:
        """Whether no model has a step left to take, or none that could still learn anything."""
        return self.step >= self.recipe.settings.steps or not self.chunks or bool(self.diverged.all())

    def advance(self) -> float | None:
        """Some steps of every model, up to what is due next; returns the mean training ELBO when that was a curve
        point.
        """
        settings, start = self.recipe.settings, time.monotonic()
        due = min((self.step // every + 1) * every for every in (settings.curve_every, settings.validate_every))
        first, self.step = self.step, min(self.step + self._round, due, settings.steps)
        list(self.pool.map(lambda chunk: chunk.run(first, self.step), self.chunks))
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # so that time is the steps' own
        taken = self.step - first
        seconds = min(ROUND_SECONDS, settings.checkpoint_seconds)
        self._round = max(1, int(taken * seconds / (time.monotonic() - start)))
        last = self.step == settings.steps
        elbo = self._read_curves() if last or self.step % settings.curve_every == 0 else None
        if last or self.step % settings.validate_every == 0:
            self._validate(last=last)
        return elbo

    def trained(self) -> Trained:
        """The outcome; to be called when finished."""
        if bool(self.diverged.all()):
            self.steps.clamp_(min=self.step)
        if self.stopping is not None:
            model, best_step, beside = self.stopping.best, self.stopping.best_step, self.stopping.beside
        else:
            model, best_step = stack([(chunk.model, range(len(chunk.indices))) for chunk in self.chunks]), self.steps
            companions = [chunk.companions.named for chunk in self.chunks]
            beside = {name: torch.cat([part[name].detach() for part in companions]).cpu() for name in companions[0]}
        return Trained(model.cpu(), self.cells, self.steps, best_step, self.curves, (self.stepping,), beside)

    def save(self, checkpoints: Checkpoints) -> None:
        """Writes a checkpoint from which `restore` goes on, bit for bit on the same device; tensors as on the CPU."""
        tensors = {"curves": self.curves.points(), "steps": self.steps}
        for c, chunk in enumerate(self.chunks):
            tensors[f"{c}.sums"] = chunk.sums
            tensors |= {f"{c}.{name}": tensor for name, tensor in chunk.companions.kept.items()}
            named = zip(chunk.trained.items(), chunk.moments(), strict=True)
            for (name, parameter), (first, second) in named:
                tensors |= {
                    f"{c}.{name}": parameter.detach().contiguous(),
                    f"{c}.{name}.m": first.contiguous(),
                    f"{c}.{name}.v": second.contiguous(),
                }
        if self.stopping is not None:
            tensors |= self.stopping.tensors()
        checkpoints.save({name: tensor.cpu() for name, tensor in tensors.items()}, self._state())

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Continues from a checkpoint, with the same chunks."""
        check_way(state, self.device)
        self.step, self.steps = state["step"], tensors["steps"].clone()
        self.stepping = way_of(state)
        self.curves = Curves(self.recipe.terms, tensors["curves"])
        self._curves_read = self.curves.last_step()
        self.diverged[self.curves.not_finite()] = True
        self.chunks = [self._restored(tensors, c, indices) for c, indices in enumerate(state["chunks"])]
        if self.stopping is not None:
            self.stopping.restore(tensors)

    def _state(self) -> dict[str, Any]:
        chunks = [list(chunk.indices) for chunk in self.chunks]
        cells = [dataclasses.astuple(cell) for cell in self.cells]
        versions = {"torch": torch.__version__, "threads": self.threads}
        return {"step": self.step, "stepping": self.stepping, "chunks": chunks, "cells": cells, **versions}

    def _restored(self, tensors: dict[str, Tensor], c: int, indices: list[int]) -> Chunk:
        model = self.recipe.model(len(indices), None)
        model.load_state_dict({name: tensors[f"{c}.{name}"] for name in model.state_dict()})
        cells = [self.cells[k] for k in indices]
        chunk = Chunk(cells, indices, self.recipe, model.to(self.device), self.stepping)
        chunk.sums.copy_(tensors[f"{c}.sums"])
        moments = [(tensors[f"{c}.{name}.m"], tensors[f"{c}.{name}.v"]) for name in chunk.trained]
        chunk.restore([tensors[f"{c}.{name}"] for name in chunk.companions.named], moments, self.step)
        chunk.companions.keep({name: tensors[f"{c}.{name}"] for name in chunk.companions.kept})
        return chunk

    def _read_curves(self) -> float | None:
        window = self.step - self._curves_read
        self._curves_read = self.step
        place = {name: row for row, name in enumerate(self.recipe.terms)}
        elbos = []
        for chunk in self.chunks:
            terms = chunk.take_sums() / window
            self.curves.add(self.step, "train", chunk.indices, terms)
            self.diverged[list(chunk.indices)] = ~terms[place["loss"]].isfinite()
            if "kl" in place:
                elbos.append(-(terms[place["reconstruction"]] + terms[place["kl"]]))
        return float(torch.cat(elbos).nanmean()) if elbos else None

    def _validate(self, *, last: bool) -> None:
        """Validation curves; with patience, lets go of the models that have stopped improving."""
        losses = list(self.pool.map(Chunk.validate, self.chunks))
        survivors = []
        for chunk, terms in zip(self.chunks, losses, strict=True):
            self.curves.add(self.step, "validation", chunk.indices, terms)
            self.steps[list(chunk.indices)] = self.step
            if self.stopping is not None:
                survivors.append(self.stopping.observe(chunk, terms[-1], self.step, last=last))
        if self.stopping is not None:
            self.chunks = regroup(self.chunks, survivors, self.step, self.threads, self.stepping)


def restored(recipe: Recipe, checkpoints: Checkpoints) -> Trained | None:
    """The models of the newest intact checkpoint, finished or not; None where there is none. Writes nothing."""
    found = checkpoints.load()
    if found is None:
        return None
    with workers() as pool:
        training = Training(recipe, pool)
        training.restore(*found)
        for chunk in training.chunks:
            training.steps[list(chunk.indices)] = training.step
            if training.stopping is not None:
                training.stopping.fill(chunk)
        return training.trained()


def train(
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    checkpoints: Checkpoints | None = None,
    progress: TrainingProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_checkpoint: Callable[[Training], None] = lambda training: None,
) -> Trained:
    """Trains every cell of `recipe` to its end, on `device`; what it returns is on the CPU.

    With `checkpoints` training continues from the newest intact one, saves one every `checkpoint_seconds` and
    one at the end; `on_checkpoint` follows each. When `should_stop` says so, training saves a checkpoint at
    the next step boundary and raises Interrupted.
    """
    settings = recipe.settings
    with workers() as pool:
        training = Training(recipe, pool, device)
        found = None
        if checkpoints is not None:
            checkpoints.clean()
            found = checkpoints.load()
        if found is None:
            training.start()
        else:
            training.restore(*found)
        if progress is not None and not training.finished:
            progress.start(len(recipe.cells), settings.steps, training.step)

        def keep() -> None:
            if checkpoints is not None:
                training.save(checkpoints)
                on_checkpoint(training)

        saved = time.monotonic()
        while not training.finished:
            if should_stop():
                keep()
                raise Interrupted(f"stopped at step {training.step} of {settings.steps}")
            before = training.diverged.clone()
            elbo = training.advance()
            if progress is not None:
                progress.advance(training.step, sum(len(chunk.indices) for chunk in training.chunks), elbo)
                if lost := (training.diverged & ~before).nonzero().flatten().tolist():
                    progress.diverged(training.step, [recipe.named(recipe.cells[k]) for k in lost], training.finished)
            if training.finished or time.monotonic() - saved > settings.checkpoint_seconds:
                keep()
                saved = time.monotonic()
        return training.trained()
