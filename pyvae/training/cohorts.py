"""Training that grows: models that are asked for later are trained beside those that are there already.

The models of one start are a cohort, with checkpoints of its own: the first lies in the run's checkpoint folder, others
in `added-1`, `added-2` … below it. A model's bits depend on its cell alone, so it does not matter with which cohort it
is trained; and more steps are taken from where a cohort's checkpoint ends. With patience the validation at which an
earlier run ended counts as one more.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from pyvae.nn import stack
from pyvae.training.cells import Cell
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.curves import Curves
from pyvae.training.device import check_way
from pyvae.training.progress import TrainingProgress
from pyvae.training.recipe import Recipe
from pyvae.training.train import Trained, Training, restored, train


def train_all(
    recipe: Recipe,
    checkpoints: Checkpoints,
    *,
    device: torch.device | str = "cpu",
    progress: TrainingProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_checkpoint: Callable[[Curves], None] = lambda curves: None,
) -> Trained:
    """`train` for a recipe that may have more cells, or more steps, than its checkpoints have seen.

    What they hold is kept and goes on; cells of which they know nothing start from step 0. `on_checkpoint` is given the
    curves of all cells so far.
    """
    done: list[Trained] = []
    for cells, folder in _cohorts(recipe, checkpoints):

        def keep(training: Training) -> None:
            on_checkpoint(_joined_curves(recipe, [*((part.cells, part.curves) for part in done), _of(training)]))

        cohort = dataclasses.replace(recipe, cells=cells)
        done.append(
            train(
                cohort,
                device=device,
                checkpoints=folder,
                progress=progress,
                should_stop=should_stop,
                on_checkpoint=keep,
            )
        )
    return _joined(recipe, done)


def restored_all(recipe: Recipe, checkpoints: Checkpoints) -> Trained | None:
    """The models of all cohorts' newest intact checkpoints, those that have one; None where there is none."""
    found = []
    for cells, folder in _cohorts(recipe, checkpoints):
        trained = restored(dataclasses.replace(recipe, cells=cells), folder)
        if trained is not None:
            found.append(trained)
    return _joined(recipe, found) if found else None


def check_ways(checkpoints: Checkpoints, device: torch.device) -> None:
    """Refuses, before anything is changed, to go on with checkpoints of which one cannot be trained on `device`."""
    if device.type == "cpu":
        return  # which takes all
    for folder in (checkpoints, *map(Checkpoints, sorted(checkpoints.folder.glob("added-*")))):
        state = folder.state()
        if state is not None:
            check_way(state, device)


def _cohorts(recipe: Recipe, checkpoints: Checkpoints) -> Iterator[tuple[tuple[Cell, ...], Checkpoints]]:
    """The cells of every cohort in the order in which they came, and its checkpoints; new cells last."""
    left, number = list(recipe.cells), 0
    while left:
        folder = Checkpoints(checkpoints.folder / f"added-{number}") if number else checkpoints
        state = folder.state()
        # Checkpoints of earlier versions name no cells: theirs are all.
        cells = [Cell(*values) for values in state["cells"]] if state is not None and "cells" in state else left
        yield tuple(cells), folder
        known = set(cells)
        left = [cell for cell in left if cell not in known]
        number += 1


def _of(training: Training) -> tuple[Sequence[Cell], Curves]:
    return training.cells, training.curves


def _joined_curves(recipe: Recipe, parts: Sequence[tuple[Sequence[Cell], Curves]]) -> Curves:
    """Curves of cohorts as curves of the recipe's cells."""
    place = {cell: k for k, cell in enumerate(recipe.cells)}
    blocks = []
    for cells, curves in parts:
        points = curves.points().clone()
        points[:, 0] = torch.tensor([place[cell] for cell in cells], dtype=points.dtype)[points[:, 0].long()]
        blocks.append(points)
    return Curves(recipe.terms, torch.cat(blocks))


def _joined(recipe: Recipe, parts: Sequence[Trained]) -> Trained:
    """Cohorts as one stack, in the order of the recipe's cells as far as they are there."""
    if len(parts) == 1 and parts[0].cells == recipe.cells:
        return parts[0]
    cells = [cell for part in parts for cell in part.cells]
    place = {cell: k for k, cell in enumerate(cells)}
    order = [place[cell] for cell in recipe.cells if cell in place]

    def gathered(values: list[Tensor]) -> Tensor:
        return torch.cat(values)[order]

    model = stack([(part.model, range(part.model.models)) for part in parts]).select(order)
    curves = _joined_curves(recipe, [(part.cells, part.curves) for part in parts])
    return Trained(
        model,
        tuple(cells[k] for k in order),
        gathered([part.steps for part in parts]),
        gathered([part.best_step for part in parts]),
        curves,
        tuple(sorted({way for part in parts for way in part.stepping})),
        {name: gathered([part.beside[name] for part in parts]) for name in parts[0].beside},
    )
