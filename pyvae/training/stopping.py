"""Early stopping: each model's best validation objective, when it was seen, and the parameters it was seen
with.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyvae.nn import StackedModel
from pyvae.training.chunk import Chunk


class Stopping:
    """Follows N models. The criterion is the validation loss, the objective at its full strength.

    For the VAE that is the negative validation ELBO; for a stronger objective the plain ELBO would pick a model
    early in its training that its own objective has long left behind. While the warm-up lasts nothing is
    compared: the objective is still another one.
    """

    def __init__(self, models: int, patience: int, warmup: int, best: StackedModel) -> None:
        self.patience, self.warmup = patience, warmup
        self.best = best
        """Best parameters of all N models, in the recipe's order, on the CPU."""
        self.beside: dict[str, Tensor] = {}
        """What was trained beside them then, [N, …] by name."""
        self.best_loss = torch.full((models,), float("inf"), dtype=torch.float64)
        self.best_step = torch.zeros(models, dtype=torch.int64)
        self.misses = torch.zeros(models, dtype=torch.int64)
        """Validations since the best one."""

    def observe(self, chunk: Chunk, loss: Tensor, step: int, *, last: bool) -> list[int]:
        """Takes a validation loss [K] after `step` steps; returns the positions in the chunk of models to go
        on with.

        `last` says that no step follows, so that even a run shorter than the warm-up has best parameters.
        """
        if step < self.warmup and not last:
            return list(range(len(chunk.indices)))
        indices = torch.tensor(chunk.indices)
        # A model without a best takes what it has, even if its loss is not a number.
        better = (loss.double() < self.best_loss[indices]) | (self.best_step[indices] == 0)
        self._keep(chunk, better.nonzero().flatten().tolist())
        self.best_loss[indices] = torch.where(better, loss.double(), self.best_loss[indices])
        self.best_step[indices] = torch.where(better, step, self.best_step[indices])
        self.misses[indices] = torch.where(better, 0, self.misses[indices] + 1)
        return (self.misses[indices] < self.patience).nonzero().flatten().tolist()

    def fill(self, chunk: Chunk) -> None:
        """Gives models of which no best has been seen yet the parameters that they have."""
        unseen = self.best_step[list(chunk.indices)] == 0
        self._keep(chunk, unseen.nonzero().flatten().tolist())

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds; `restore` takes it back."""
        counters = {"best_loss": self.best_loss, "best_step": self.best_step, "misses": self.misses}
        best = {**{name: p.detach() for name, p in self.best.named_parameters()}, **self.beside}
        return counters | {f"best.{name}": value for name, value in best.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continues from a checkpoint's tensors."""
        self.best_loss, self.best_step, self.misses = (tensors[n].clone() for n in ("best_loss", "best_step", "misses"))
        best = {name.removeprefix("best."): value for name, value in tensors.items() if name.startswith("best.")}
        self.best.load_state_dict({name: best.pop(name) for name in self.best.state_dict()})
        self.beside = {name: value.clone() for name, value in best.items()}

    @torch.no_grad()
    def _keep(self, chunk: Chunk, positions: Sequence[int]) -> None:
        places = [chunk.indices[position] for position in positions]
        for kept, current in zip(self.best.parameters(), chunk.model.parameters(), strict=True):
            kept[places] = current[list(positions)].to(kept.device)
        for name, current in chunk.companions.named.items():
            if name not in self.beside:
                self.beside[name] = torch.zeros(self.best.models, *current.shape[1:])
            self.beside[name][places] = current[list(positions)].cpu()
