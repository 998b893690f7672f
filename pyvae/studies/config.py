"""The study's settings: one frozen dataclass, three presets, overrides from `field=value`, JSON both ways.

Every wrong value is a ValueError of one sentence that names the field and says what was expected.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

LARGEST_MU = 20.0  # sigmoid(20) differs from 1 by 2e-9: beyond, float32 images of all latents are the same


@dataclass(frozen=True)
class StudyConfig:
    """All settings of one biased-grid study. One model is trained for every (mu, beta, seed)."""

    preset: str
    """Name the settings started from; only a label."""
    mus: tuple[float, ...] = tuple(k / 2 for k in range(11))
    """Training biases: block logits are drawn from N(mu, 1)."""
    betas: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0)
    """Weights of the KL term."""
    seeds: tuple[int, ...] = (0,)
    """Repetitions; each has its own initialisation, data and noise."""
    steps: int = 10_000
    """Optimiser steps; with `patience` the most a model may take."""
    batch_size: int = 64
    learning_rate: float = 1e-3
    """Of Adam, with torch's default moments."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the encoder's hidden layers; the decoder mirrors them."""
    latents: int = 9
    """Size of the learned code."""
    blocks: int = 3
    """Blocks along one side of the image: blocks**2 generating factors."""
    pixels: int = 7
    """Pixels along one side of a block."""
    noise_variance: float = 0.25
    """Of the pixel noise of training images, and of the model's Gaussian likelihood."""
    kl: str = "sampled"
    """"sampled" (one sample, the source's protocol) or "closed_form"."""
    beta_warmup_steps: int = 0
    """The KL weight rises linearly from 0 to beta over so many steps; 0 is a constant beta."""
    patience: int | None = None
    """Validations without a better objective before a model stops and keeps its best parameters; none: fixed
    steps.
    """
    validate_every: int = 500
    """Steps between validations."""
    validation_images: int = 1024
    """Held-out images for each (mu, seed)."""
    curve_every: int = 50
    """Training curves hold one point per so many steps, the mean over them."""
    checkpoint_seconds: float = 120.0
    """Seconds of training between checkpoints."""
    information_images: int = 4096
    """Held-out images of the training distribution on which information is measured."""
    projection_epochs: int = 3
    """Epochs of the source's SGD projection."""
    projection_learning_rate: float = 1e-2
    """Learning rate of the SGD projection."""
    projection_batch_size: int = 64
    """Of the SGD projection."""
    baseline_runs: int = 3
    """Untrained models behind the random-initialisation baseline."""
    sample_images: int = 21
    """Images per row in the sample pictures."""

    def __post_init__(self) -> None:
        for check in _CHECKS:
            check(self)

    @property
    def models(self) -> int:
        """How many models the study trains."""
        return len(self.mus) * len(self.betas) * len(self.seeds)

    @property
    def inputs(self) -> int:
        """Pixels of an image."""
        return (self.blocks * self.pixels) ** 2

    def beta_scale(self, step: int) -> float:
        """Share of beta that weighs the KL at `step` (counted from 0): the warm-up ramp, in [0, 1]."""
        return min(1.0, step / self.beta_warmup_steps) if self.beta_warmup_steps else 1.0

    def to_json(self) -> str:
        """The settings as indented JSON text, ending in a newline; `from_json` is the inverse."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "StudyConfig":
        """Settings from `to_json`'s text. ValueError names a missing or unknown field, or a bad value."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"config must be a JSON object, got {type(values).__name__}")
        _refuse_unknown(values)
        missing = [name for name in _PARSERS if name not in values]
        if missing:
            raise ValueError(f"config lacks the field {missing[0]!r}")
        fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        return cls(**fields)


def differing_fields(a: StudyConfig, b: StudyConfig) -> list[str]:
    """Names of the fields in which two configs differ."""
    return [field.name for field in dataclasses.fields(a) if getattr(a, field.name) != getattr(b, field.name)]


def with_overrides(config: StudyConfig, overrides: Iterable[str]) -> StudyConfig:
    """`config` with fields replaced from strings such as "steps=200" or "betas=0.5,1,5".

    Lists are separated by commas; `patience=none` trains a fixed number of steps.
    ValueError names an unknown field, or a value that does not parse or is out of range.
    """
    values: dict[str, Any] = {}
    for override in overrides:
        name, equals, text = override.partition("=")
        name = name.strip()
        if not equals:
            raise ValueError(f"--set expects field=value, got {override!r}")
        _refuse_unknown([name])
        if name == "preset":
            raise ValueError("preset is not a field to set: start from another preset instead")
        expected, parse = _PARSERS[name]
        try:
            values[name] = parse(text.strip())
        except ValueError:
            raise ValueError(f"{name} must be {expected}, got {text.strip()!r}") from None
    return dataclasses.replace(config, **values)


def preset(name: str) -> StudyConfig:
    """The preset of that name; ValueError lists the names there are."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in names:
        if name not in _PARSERS:
            raise ValueError(f"unknown field {name!r}: expected one of {', '.join(_PARSERS)}")


def _list_of(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(parse(item) for item in text.split(","))


_INT = ("a whole number", lambda text: int(text.replace("_", "")))
_FLOAT = ("a number", float)
_INTS = ("whole numbers separated by commas", _list_of(int))
_FLOATS = ("numbers separated by commas", _list_of(float))
_TEXT = ("text", str)
_OPTIONAL_INT = ("a whole number or none", lambda text: None if text.lower() == "none" else int(text))

_BY_TYPE: dict[Any, tuple[str, Callable[[str], Any]]] = {
    int: _INT, float: _FLOAT, str: _TEXT, int | None: _OPTIONAL_INT,
    tuple[int, ...]: _INTS, tuple[float, ...]: _FLOATS,
}  # fmt: skip
_PARSERS = {field.name: _BY_TYPE[field.type] for field in dataclasses.fields(StudyConfig)}


def _check_types(config: StudyConfig) -> None:
    """JSON and callers may bring any type: whole numbers where whole numbers belong, finite numbers
    elsewhere.
    """
    for name, (expected, _) in _PARSERS.items():
        value = getattr(config, name)
        items = value if isinstance(value, tuple) else (value,)
        whole = expected in (_INT[0], _INTS[0], _OPTIONAL_INT[0])
        for item in items:
            if item is None and expected == _OPTIONAL_INT[0]:
                continue
            kinds = str if expected == _TEXT[0] else int if whole else (int, float)
            if isinstance(item, bool) or not isinstance(item, kinds):
                raise ValueError(f"{name} must be {expected}, got {item!r}")
            if isinstance(item, float) and not math.isfinite(item):
                raise ValueError(f"{name} must be finite, got {item!r}")


def _check_lists(config: StudyConfig) -> None:
    for name in ("mus", "betas", "seeds", "hidden"):
        if not isinstance(getattr(config, name), tuple) or not getattr(config, name):
            raise ValueError(f"{name} must be a list of at least one number, got {getattr(config, name)!r}")
    for name in ("mus", "betas", "seeds"):
        values = getattr(config, name)
        if len(set(values)) != len(values):
            raise ValueError(f"{name} must not name a value twice, got {', '.join(map(str, values))}")


def _check_ranges(config: StudyConfig) -> None:
    for name in ("betas", "seeds", "beta_warmup_steps"):
        values = getattr(config, name)
        for value in values if isinstance(values, tuple) else (values,):
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value}")
    for mu in config.mus:
        if abs(mu) > LARGEST_MU:
            raise ValueError(f"mus must lie between -{LARGEST_MU:g} and {LARGEST_MU:g}, got {mu:g}")
    for seed in config.seeds:
        if seed >= 2**63:
            raise ValueError(f"seeds must fit in 64 bits, signed, got {seed}")
    if any(width < 1 for width in config.hidden):
        raise ValueError(f"hidden must hold widths of at least 1, got {', '.join(map(str, config.hidden))}")
    at_least_one = (
        "steps", "batch_size", "latents", "blocks", "pixels", "validate_every", "validation_images",
        "curve_every", "projection_epochs", "projection_batch_size", "baseline_runs", "sample_images",
    )  # fmt: skip
    for name in at_least_one:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(config, name)}")
    if config.information_images < 32:  # one half to fit, one half to test
        raise ValueError(f"information_images must be at least 32, got {config.information_images}")
    if config.blocks > 3:  # the test grid has 3**(blocks**2) images: 43 million for 4
        raise ValueError(f"blocks must be at most 3, since the test grid is enumerated, got {config.blocks}")
    for name in ("learning_rate", "noise_variance", "checkpoint_seconds", "projection_learning_rate"):
        if getattr(config, name) <= 0:
            raise ValueError(f"{name} must be greater than 0, got {getattr(config, name)}")
    if config.patience is not None and config.patience < 1:
        raise ValueError(f"patience must be at least 1 or none, got {config.patience}")


def _check_choices(config: StudyConfig) -> None:
    if config.kl not in ("sampled", "closed_form"):
        raise ValueError(f"kl must be sampled or closed_form, got {config.kl!r}")


_CHECKS = (_check_types, _check_lists, _check_ranges, _check_choices)

PRESETS: dict[str, StudyConfig] = {
    # Fits five minutes on two slow cores, evaluation and figures included.
    "quick": StudyConfig(preset="quick", steps=2500),
    # The source's protocol: 10 000 steps, one-sample KL, constant beta. Three seeds for spreads.
    "seed": StudyConfig(preset="seed", seeds=(0, 1, 2)),
    # To convergence: each model stops when its validation objective has stopped improving.
    "long": StudyConfig(
        preset="long",
        seeds=(0, 1, 2),
        steps=200_000,
        beta_warmup_steps=5_000,
        patience=10,
        validate_every=1_000,
    ),
}
