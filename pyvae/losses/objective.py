"""What a trainer asks of an objective: settings as plain fields, and a loss with its terms by name."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn


class Terms(Protocol):
    """What objectives return: a NamedTuple of tensors [..., M] in nats per sample, every term by its name.

    Every objective has these; `kl` is what an ELBO takes from the reconstruction's side, whatever the weights.
    """

    @property
    def loss(self) -> Tensor:
        """The objective, to be minimised: take `.mean(-1)` for the batch mean of each model, and sum over models."""

    @property
    def reconstruction(self) -> Tensor:
        """The likelihood's value."""

    @property
    def kl(self) -> Tensor:
        """Of the posterior from the prior, or its estimate."""

    def _asdict(self) -> dict[str, Tensor]: ...


class Objective(nn.Module):
    """An objective of VAEs; a subclass's settings are the arguments of its `__init__`, each in a field of its name.

    One of them, named by `strength`, is the weight that studies vary: a number, or a tensor that broadcasts, such as
    [K, 1] for K stacked models. It rises linearly from 0 over `warmup_steps` calls' `step`.

    Subclasses define `forward(reconstruction, z, mu, logvar, *, step=None)`, whose annotation names their `Terms`:
    reconstruction [..., M]; z, mu and logvar [..., M, D]; `step` counts from 0, and None stands for the full strength.
    """

    strength: ClassVar[str]
    terms: ClassVar[tuple[str, ...]]
    """Names of the terms that it returns."""
    warmup_steps: int

    @classmethod
    def name(cls) -> str:
        """How configs and the command line call it: the class in kebab case, "beta-tcvae" for BetaTCVAE."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def settings_of(cls) -> dict[str, inspect.Parameter]:
        """Its settings: names, types and defaults."""
        found = dict(inspect.signature(cls.__init__).parameters)
        del found["self"]
        return found

    @classmethod
    def help_of(cls, setting: str) -> str:
        """What the class's docstring says of a setting."""
        text = inspect.cleandoc(cls.__doc__ or "")
        found = re.search(rf"^    {setting}: (.+?)(?=\n    \w[\w, ]*: |\n\S|\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
        return " ".join(found[1].split()) if found else ""

    def to_config(self) -> dict[str, Any]:
        """The settings as plain values, and the objective's name; `from_config` is the inverse."""
        values = {name: getattr(self, name) for name in self.settings_of()}
        return {"objective": self.name(), **{n: v.tolist() if isinstance(v, Tensor) else v for n, v in values.items()}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """An objective from `to_config`'s values; settings that are missing take their defaults.

        Raises ValueError for another objective's, or a setting that this one has not.
        """
        settings = dict(config)
        if settings.pop("objective", cls.name()) != cls.name():
            raise ValueError(f"objective must be {cls.name()}, got {config['objective']!r}")
        for name in settings:
            if name not in cls.settings_of():
                raise ValueError(f"{cls.name()} has no setting {name!r}: expected {', '.join(cls.settings_of())}")
        return cls(**{n: torch.tensor(value) if isinstance(value, list) else value for n, value in settings.items()})

    def exact(self) -> "Objective":
        """The same objective with as little noise as it can have, by which models are compared in validation."""
        return self

    def set_strength(self, value: float | Tensor) -> None:
        """Sets its field; a tensor becomes a buffer, which moves with the module but is no part of its state."""
        for held in (self._buffers, self.__dict__):
            held.pop(self.strength, None)  # torch refuses a buffer beside a field of its name
        if isinstance(value, Tensor):
            self.register_buffer(self.strength, value, persistent=False)
        else:
            setattr(self, self.strength, value)

    def strength_at(self, step: int | None) -> float | Tensor:
        """The strength after the warm-up's share of it at `step`."""
        strength: float | Tensor = getattr(self, self.strength)
        if step is None or not self.warmup_steps:
            return strength
        return strength * min(1.0, step / self.warmup_steps)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.settings_of())


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuses what is none of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {value!r}")


def check_weights(**weights: float | Tensor) -> None:
    """Refuses negative numbers; tensors are not read, since that would wait for the device."""
    for name, weight in weights.items():
        if not isinstance(weight, Tensor) and not weight >= 0:
            raise ValueError(f"{name} must be at least 0, got {weight}")
