"""What every stack of VAEs is: K models of one architecture, to be called, chosen from and put together."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Concatenate, NamedTuple, ParamSpec, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pyvae.ops import reparameterize
from pyvae.ops.arguments import is_distributed

Indices = Sequence[int] | Sequence[bool] | Tensor | npt.NDArray[Any]


class VAEOutput(NamedTuple):
    """What a stack makes of images: `decoded` [K, B, inputs]; codes `z`, `mu` and `logvar` [K, B, latents]."""

    decoded: Tensor
    z: Tensor
    mu: Tensor
    logvar: Tensor


P = ParamSpec("P")
R = TypeVar("R")
Model = TypeVar("Model", bound="StackedModel")


def of_whole_parameters(method: Callable[Concatenate[Model, P], R]) -> Callable[Concatenate[Model, P], R]:
    """A decorator of what can be called beside a stack's forward: after torch's `fully_shard`, which puts parameters
    together for forwards alone, the method is one of them while it runs.
    """

    @functools.wraps(method)
    def call(self: Model, /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = method.__name__
        # Within a forward, or one that the user has registered, parameters are whole already.
        if not _is_fsdp(type(self)) or name in vars(self) or not any(map(is_distributed, self.parameters())):
            return method(self, *args, **kwargs)
        torch.distributed.fsdp.register_fsdp_forward_method(self, name)
        try:
            result: R = getattr(self, name)(*args, **kwargs)
            return result
        finally:
            delattr(self, name)

    return call


class StackedModel(nn.Module):
    """K Gaussian VAEs of one architecture: images [K, B, inputs] to codes [K, B, latents] and back. Images are flat.

    A subclass is made from the number of models and what ARCHITECTURE names, in this order, which are its fields, too;
    without seeds its parameters are zero. It gives `_encode` and `_decode`.
    """

    ARCHITECTURE: ClassVar[tuple[str, ...]]
    TOGETHER: ClassVar[int]
    """Most models that one training step takes together by autograd: as many as share their operations' cost, and no
    more than keep their activations in cache."""
    TERMS_OF_ITS_OWN: ClassVar[bool] = False
    """Whether its loss is no objective of one layer of codes: then it is trained in a loop of one's own."""
    models: int
    inputs: int
    latents: int

    @property
    def architecture(self) -> tuple[Any, ...]:
        """The values of what ARCHITECTURE names."""
        return tuple(getattr(self, name) for name in self.ARCHITECTURE)

    @of_whole_parameters
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, each [K, B, latents], of images x.

        x is [K, B, inputs], or [B, inputs] where all models see the same images.
        """
        if x.dim() == 2:
            x = x.expand(self.models, *x.shape)
        if x.dim() != 3 or x.shape[0] != self.models or x.shape[2] != self.inputs:
            shapes = f"[{self.models}, B, {self.inputs}] or [B, {self.inputs}]"
            raise ValueError(f"x must have shape {shapes}, got {list(x.shape)}")
        mu, logvar = self._encode(x).chunk(2, dim=-1)
        return mu, logvar

    @of_whole_parameters
    def decode(self, z: Tensor) -> Tensor:
        """What the likelihood takes, means or logits [K, B, inputs], for codes z [K, B, latents]."""
        if z.dim() != 3 or z.shape[0] != self.models or z.shape[2] != self.latents:
            raise ValueError(f"z must have shape [{self.models}, B, {self.latents}], got {list(z.shape)}")
        return self._decode(z)

    def forward(self, x: Tensor, *, seed: int | Tensor | None = None, sample: bool = True) -> VAEOutput:
        """Encodes images x, samples codes by `pyvae.reparameterize` with `seed`, or takes means, and decodes them."""
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar, seed=seed) if sample else mu
        return VAEOutput(self.decode(z), z, mu, logvar)

    def empty_like(self, models: int) -> Self:
        """A stack of the same architecture for another number of models, its parameters zero until filled: of this
        one's dtype and device, trainable where its own are, in its mode.
        """
        out = _kind(self)(models, *self.architecture)
        first = next(self.parameters())
        out = out.to(device=first.device, dtype=first.dtype).train(self.training)
        for new, old in zip(out.parameters(), self.parameters(), strict=True):
            new.requires_grad_(old.requires_grad)
        return out

    def select(self, indices: Indices) -> Self:
        """A stack of copies of the models at `indices`, in that order, or of those that a mask of all models picks."""
        return stack([(self, indices)])

    def _encode(self, x: Tensor) -> Tensor:
        """Mean and log variance side by side, [K, B, 2 latents], of images [K, B, inputs]."""
        raise NotImplementedError

    def _decode(self, z: Tensor) -> Tensor:
        """[K, B, inputs] for codes [K, B, latents]."""
        raise NotImplementedError


M = TypeVar("M", bound=StackedModel)


def stack(parts: Sequence[tuple[M, Indices]]) -> M:
    """One stack of copies of chosen models of several stacks: parts are (stack, indices of its models), in order.

    Indices are whole numbers (a list, a range, an array or a tensor), from the end where they are negative, or a mask
    with a bool for each model. The stack takes dtype, device, mode and what is trainable from the first part.

    Raises ValueError when no model is chosen, for an index out of range, a mask of another length, and stacks of
    different kinds or architectures; TypeError for indices that are no whole numbers. Of stacks that `fully_shard` has
    sharded every process makes the whole copy, and all have to.
    """
    chosen = [(source, _positions(indices, source.models)) for source, indices in parts]
    models = sum(len(positions) for _, positions in chosen)
    if models == 0:
        raise ValueError("parts must choose at least one model")
    first = parts[0][0]
    for source, _ in chosen:
        kinds = _kind(first), _kind(source)
        if kinds[0] is not kinds[1]:
            raise ValueError(f"parts must be stacks of one kind, got {kinds[0].__name__} and {kinds[1].__name__}")
        if source.architecture != first.architecture:
            raise ValueError(
                f"parts must share one architecture, got ({', '.join(first.ARCHITECTURE)}) of {first.architecture} and "
                f"{source.architecture}"
            )
    out = first.empty_like(models)
    sources = [{name: _whole(value) for name, value in source.named_parameters()} for source, _ in chosen]
    with torch.no_grad():
        for name, parameter in out.named_parameters():
            rows = [
                source[name][positions].to(parameter) for source, (_, positions) in zip(sources, chosen, strict=True)
            ]
            torch.cat(rows, out=parameter.data)
    return out


def _is_fsdp(kind: type) -> bool:
    """Whether it is the class that torch's `fully_shard` makes of a module's."""
    return hasattr(kind, "unshard")  # asked of its method, since the import takes a second


def _kind(model: M) -> type[M]:
    """The model's class, without what `fully_shard` makes of it."""
    kinds: tuple[Any, ...] = type(model).__mro__
    own: type[M] = next(kind for kind in kinds if issubclass(kind, StackedModel) and not _is_fsdp(kind))
    return own


def _whole(parameter: Tensor) -> Tensor:
    """A parameter with every process's part of it: all processes have to ask."""
    whole: Tensor = parameter.full_tensor() if is_distributed(parameter) else parameter  # type: ignore[attr-defined]
    return whole


def _positions(indices: Indices, models: int) -> list[int]:
    """Indices or a mask as places from 0."""
    values = indices.tolist() if isinstance(indices, Tensor | np.ndarray) else list(indices)
    if values and all(isinstance(value, bool | np.bool_) for value in values):
        if len(values) != models:
            raise ValueError(f"indices must hold a bool for each of the {models} models, got {len(values)}")
        return [place for place, wanted in enumerate(values) if wanted]
    places = []
    for value in values:
        place = whole_number("indices", value)
        if not -models <= place < models:
            raise ValueError(f"indices must lie between {-models} and {models - 1}, got {place}")
        places.append(place % models)
    return places


def check_sizes(**sizes: int) -> None:
    """Refuses sizes below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")


def generators_of(seeds: Sequence[int] | Tensor | None, models: int) -> list[torch.Generator] | None:
    """A generator for each model's initialisation, on the CPU, so that a seed gives one model on every device."""
    if seeds is None:
        return None
    if len(seeds) != models:
        raise ValueError(f"seeds must hold one seed per model ({models}), got {len(seeds)}")
    return [torch.Generator().manual_seed(whole_number("seeds", seed)) for seed in seeds]


def whole_number(name: str, value: Any) -> int:
    """An int of Python, numpy or torch; TypeError for anything else, a float with a whole value too."""
    try:
        return operator.index(value)
    except (TypeError, RuntimeError):
        raise TypeError(f"{name} must be whole numbers, got {value!r}") from None
