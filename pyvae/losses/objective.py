"""What a trainer asks of an objective: settings as plain fields, and a loss with its terms by name."""

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn

from pyvae.losses.schedules import Length, Linear, Schedule, schedule_of
from pyvae.losses.terms import check_alike
from pyvae.ops import reparameterize
from pyvae.ops.arguments import is_number
from pyvae.ops.importance import relative_weights
from pyvae.ops.seeds import seed_tensor

Seed = int | Tensor | None
"""As pyvae.reparameterize takes it."""


class Terms(Protocol):
    """What objectives return: a NamedTuple of tensors [..., M], every term by its name, in nats unless it says
    otherwise.

    `kl` is what an ELBO takes from the reconstruction's side, whatever the weights; every objective of stochastic codes
    has it.
    """

    @property
    def loss(self) -> Tensor:
        """The objective, to be minimised: take `.mean(-1)` for the batch mean of each model, and sum over models."""

    @property
    def reconstruction(self) -> Tensor:
        """The likelihood's value."""

    def _asdict(self) -> dict[str, Tensor]: ...


class Objective(nn.Module):
    """An objective of VAEs; a subclass's settings are the arguments of its `__init__`, each in a field of its name.

    One of them, named by `strength`, is the weight that studies vary: a number, or a tensor that broadcasts, such as
    [K, 1] for K stacked models. `warmup_steps` and `schedule`, which every objective has, say how it changes with the
    step; see pyvae.losses.schedules.

    It is called with reconstruction [..., M] and z, mu and logvar [..., M, D]; `step` counts from 0, and None stands
    for the strength at the end; `seed` is what pyvae.reparameterize takes, one per model, for what an objective draws.
    A term of the whole minibatch is repeated along M, so that `.mean(-1)` is right for all. Subclasses give `_terms`,
    those that can be `weighable` also `_weighed_terms`.

    `log_weights` [..., M], which broadcast to the terms, are log p_unbiased(x) / p_biased(x) of the images, such as
    pyvae.data.Bias.log_weights gives them: then terms stand for the unbiased distribution. Each comes times
    w_i / mean w, so that `.mean(-1)` is sum_i w_i t_i / sum_i w_i. No gradient reaches them.

    `index` [..., M] are the images' numbers in the data set, for an objective that is `indexed`: one that keeps
    something of every image, such as BetaTCVAE with a pyvae.PosteriorBank. Subclasses that can be give
    `_indexed_terms`.

    What an objective trains beside the model, a discriminator, are its parameters: `parameter_groups()` is what an
    optimiser takes of them, and `loss.backward()` gives them their own gradients.
    """

    strength: ClassVar[str]
    symbol: ClassVar[str]
    """What reports call the strength."""
    terms: ClassVar[tuple[str, ...]]
    """Names of the terms that it returns."""
    deterministic: ClassVar[bool] = False
    """Whether codes are the posterior's means, not samples of it."""
    least_rows: ClassVar[int] = 1
    """Of a minibatch, for its terms to be defined."""
    comparable: ClassVar[bool] = True
    """Whether losses of different steps can be compared, as early stopping does: not where a part of them learns."""
    tried: ClassVar[tuple[float, ...]] = ()
    """Strengths that a study takes where it is told no others; none: those of its preset, which are made for a beta."""
    warmup_steps: int
    schedule: str

    def __init__(self, strength: float | Tensor, warmup_steps: int, schedule: str) -> None:
        super().__init__()
        check_weights(**{self.strength: strength})
        self.set_strength(strength)
        self.set_schedule(warmup_steps, schedule)

    def forward(
        self,
        reconstruction: Tensor,
        z: Tensor,
        mu: Tensor,
        logvar: Tensor,
        *,
        step: int | None = None,
        seed: Seed = None,
        log_weights: Tensor | None = None,
        index: Tensor | None = None,
    ) -> Any:
        """Its NamedTuple of `Terms`.

        Raises ValueError for codes or terms whose shapes do not fit, for log_weights where it is not weighable or as
        pyvae.minibatch_log_density, and for an index where it is not indexed or as pyvae.PosteriorBank.
        """
        if z.shape != mu.shape:
            raise ValueError(f"z must have the shape of mu, {list(mu.shape)}, got {list(z.shape)}")
        if index is not None and not self.indexed:
            raise ValueError(f"index must be None for {self.name()}, which keeps nothing of single images")
        if self.indexed:
            if log_weights is not None:
                raise ValueError(f"log_weights must be None for {self.name()} that keeps something of every image")
            terms = self._indexed_terms(reconstruction, z, mu, logvar, step, seed, index)
        elif log_weights is None:
            terms = self._terms(reconstruction, z, mu, logvar, step, seed)
        else:
            terms = self._weighed_terms(reconstruction, z, mu, logvar, step, seed, log_weights)
        check_alike(loss=terms.loss, reconstruction=reconstruction)
        if log_weights is not None:
            share = relative_weights(log_weights, like=terms.loss)
            terms = type(terms)(*(term * share for term in terms))
        return type(terms)(*(term if term.shape == terms.loss.shape else term.expand_as(terms.loss) for term in terms))

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> Any:
        """Its NamedTuple of `Terms`; those of the whole minibatch may be [..., 1]."""
        raise NotImplementedError

    def _weighed_terms(
        self,
        reconstruction: Tensor,
        z: Tensor,
        mu: Tensor,
        logvar: Tensor,
        step: int | None,
        seed: Seed,
        log_weights: Tensor,
    ) -> Any:
        """`_terms` of a minibatch whose items have importance weights, each item's as it is before it is weighed.

        Here a refusal: terms of batch statistics, such as a covariance, would need a form of their own.
        """
        raise ValueError(f"log_weights must be None for {self.name()}, which has no importance-weighted form")

    @property
    def indexed(self) -> bool:
        """Whether it keeps something of every image, and so asks for their numbers."""
        return False

    def _indexed_terms(
        self,
        reconstruction: Tensor,
        z: Tensor,
        mu: Tensor,
        logvar: Tensor,
        step: int | None,
        seed: Seed,
        index: Tensor | None,
    ) -> Any:
        """`_terms` of images with these numbers."""
        raise NotImplementedError

    @classmethod
    def weighable(cls) -> bool:
        """Whether it takes `log_weights`."""
        return cls._weighed_terms is not Objective._weighed_terms

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
        lists = {name: value for name, value in settings.items() if isinstance(value, list)}
        of_models = {
            name: torch.tensor(value) if name == cls.strength else tuple(value) for name, value in lists.items()
        }
        return cls(**{**settings, **of_models})

    def prepare(self, x: Tensor, *, step: int | None = None, seed: Seed = None) -> Tensor:
        """What the encoder sees of images x [..., M, inputs]; the likelihood compares with x itself."""
        return x

    def trained_beside(self, latents: int, seeds: int | Sequence[int] | Tensor) -> Self:
        """This objective with the parameters that it trains beside a model with codes of this size; for most, none.

        An int is the seed of their initialisation; K seeds make parameters for K stacked models, each from its own.
        """
        return self

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups for torch's optimisers of what is trained beside the model, with rates of its own; for most, none."""
        parameters = list(self.parameters())
        return [{"params": parameters}] if parameters else []

    def exact(self) -> "Objective":
        """The same objective with as little noise as it can have, by which models are compared in validation."""
        return self

    def set_strength(self, value: float | Tensor) -> None:
        """Sets its field; a tensor becomes a buffer, which moves with the module but is no part of its state.

        Raises ValueError for a tensor whose last axis would meet the batch.
        """
        if isinstance(value, Tensor) and value.dim() > 0 and value.shape[-1] != 1:
            shape = f"[{value.shape[-1]}, 1]"
            raise ValueError(
                f"{self.strength} must end in an axis of 1, as {shape} of stacked models, got {list(value.shape)}"
            )
        for held in (self._buffers, self.__dict__):
            held.pop(self.strength, None)  # torch refuses a buffer beside a field of its name
        if isinstance(value, Tensor):
            self.register_buffer(self.strength, value, persistent=False)
        else:
            setattr(self, self.strength, value)

    def set_schedule(self, warmup_steps: int, schedule: str) -> None:
        """Sets how the strength changes; ValueError for a text that is no schedule, and for both at once, TypeError for
        steps that are no whole number.
        """
        if not isinstance(warmup_steps, int) or isinstance(warmup_steps, bool):
            raise TypeError(
                f"warmup_steps must be a whole number, got {warmup_steps!r}: schedule takes shares of a run"
            )
        check_numbers(warmup_steps=warmup_steps)
        self.warmup_steps, self.schedule, self._shares = warmup_steps, schedule, schedule_of(schedule)
        if warmup_steps:
            if self._shares != Schedule():
                raise ValueError(f"schedule must be constant where warmup_steps is {warmup_steps}, got {schedule!r}")
            self._shares = Linear(0.0, 1.0, Length(warmup_steps))

    def within(self, steps: int) -> Self:
        """This objective, told that its run has so many steps, which a schedule in shares of the run has to know.

        Raises ValueError for less than one step.
        """
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        if not self.warmup_steps:
            self._shares = schedule_of(self.schedule).within(steps)
        return self

    @property
    def shares(self) -> Schedule:
        """What there is of the strength at every step."""
        return self._shares

    def strength_at(self, step: int | None) -> float | Tensor:
        """The strength at a step; None stands for the end."""
        strength: float | Tensor = getattr(self, self.strength)
        share = self._shares.final if step is None else self._shares(step)
        return strength if share == 1 else strength * share

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.settings_of())


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuses what is none of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {value!r}")


def check_weights(**weights: float | Tensor) -> None:
    """Refuses strengths that are negative, not finite or no numbers; tensors are not read, since that would wait for
    the device.
    """
    for name, weight in weights.items():
        if isinstance(weight, Tensor):
            continue
        if not is_number(weight) and not torch.compiler.is_compiling():  # numbers may be open there
            raise TypeError(f"{name} must be a number or a tensor, got {type(weight).__name__}")
        if not weight >= 0:
            raise ValueError(f"{name} must be at least 0, got {weight}")
        if weight == math.inf:
            raise ValueError(f"{name} must be finite, got {weight}")


def check_numbers(**numbers: float) -> None:
    """Refuses settings other than the strength that are negative, not finite or no plain numbers."""
    for name, number in numbers.items():
        if isinstance(number, Tensor):
            raise TypeError(f"{name} must be a number, got a tensor: only the strength may be one")
        check_weights(**{name: number})


def standard_normal_like(like: Tensor, seed: Seed) -> Tensor:
    """Numbers from N(0, 1) in the shape of a tensor, unrelated to codes that were drawn with the same seed: a
    permutation or a sample of the prior made of the very noise that made the codes would not be independent of them.
    """
    nothing = torch.zeros_like(like)
    if seed is None:
        return reparameterize(nothing, nothing)
    return reparameterize(nothing, nothing, seed=seed_tensor(seed, None, nothing) ^ _OWN)


_OWN = 0x6F626A6563746976
"""Any number of 63 bits will do: Philox makes unrelated streams of different seeds."""
