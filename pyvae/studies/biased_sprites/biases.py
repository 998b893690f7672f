"""The study's biases, what each does to the data, and how the test set is split by it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from pyvae.data import Bias, Correlate, DataSet, Remove, Skew, effective_sample_size, stacked_log_weights
from pyvae.data.bias import draw_factors
from pyvae.studies.biased_sprites.config import KINDS, BiasedSpritesConfig, Kind
from pyvae.studies.errors import StudyError

BATCHES = 512
"""Of which a mean effective sample size is taken."""

Mask = npt.NDArray[np.bool_]


def bias_of(config: BiasedSpritesConfig, kind: Kind, strength: float, data: DataSet) -> Bias:
    """One bias of the study; strength 0 is unbiased.

    Raises StudyError for data without its factors, and for a removal of nothing or everything.
    """
    if strength == 0:
        return Bias.none
    try:
        found = _made(config, kind, strength, data)
        found.check(data)
    except ValueError as refusal:
        raise StudyError(f"{kind.name} must be a bias of the data, but {refusal}") from None
    return found


def _made(config: BiasedSpritesConfig, kind: Kind, strength: float, data: DataSet) -> Bias:
    name = label(kind, strength)
    if kind.name == "skew":
        return Bias(Skew(config.biases.skewed, strength), name=name)
    if kind.name == "correlate":
        first, second = config.biases.correlated
        return Bias(Correlate(first, second, strength), name=name)
    return Bias(Remove({one: _last(one, strength, data) for one in config.biases.removed}), name=name)


def _last(name: str, share: float, data: DataSet) -> list[int]:
    """The last values of a factor, so large a share of them."""
    sizes = {factor.name: factor.size for factor in data.factors}
    size = sizes.get(name) or 0
    count = round(share * size)
    if size and not count:
        raise ValueError(f"removals must be larger: {share:g} of {size} values of {name} is none")
    return list(range(size - count, size))


def label(kind: Kind, strength: float) -> str:
    """A bias in tables and texts: "skew 6"."""
    return f"{kind.name} {strength:g}"


class Split(NamedTuple):
    """Rows of the test set that a bias makes rarer than they are without it, those never drawn among them."""

    kind: Kind
    strength: float
    rare: Mask

    @property
    def label(self) -> str:
        """Of the bias."""
        return label(self.kind, self.strength)


def every(config: BiasedSpritesConfig) -> list[tuple[Kind, float]]:
    """All biases of the study, kind by kind."""
    return [(kind, strength) for kind in KINDS for strength in config.biases_of(kind)]


def splits(config: BiasedSpritesConfig, data: DataSet, factors: Tensor) -> list[Split]:
    """How each bias splits images of these factors [N, F]."""
    return [
        Split(kind, strength, _log_weights(bias_of(config, kind, strength, data), data, factors).numpy() > 0)
        for kind, strength in every(config)
    ]


def _log_weights(bias: Bias, data: DataSet, factors: Tensor) -> Tensor:
    """log p_unbiased / p_biased [N], +inf of what is never drawn."""
    out = torch.full((len(factors),), torch.inf, dtype=torch.float64)
    drawn = bias.support(factors, data)
    out[drawn] = bias.log_weights(factors[drawn], data)
    return out


def table(config: BiasedSpritesConfig, data: DataSet) -> pa.Table:
    """What each bias does: a row each.

    `nats` is KL(biased || unbiased); `rare` and `removed` are shares of the unbiased images that it makes rarer and
    never draws. Where weights exist `effective_share` is (E w)^2 / E w^2, and `batch_effective` the mean effective
    sample size (Kish 1965) of a weighted batch; null elsewhere.
    """
    return pa.Table.from_pylist(
        [_row(config, kind, strength, data) for kind, strength in every(config)],
        schema=pa.schema([("kind", pa.string()), *((name, pa.float64()) for name in COLUMNS)]),
    )


COLUMNS = ("strength", "nats", "rare", "removed", "effective_share", "batch_effective")


def _row(config: BiasedSpritesConfig, kind: Kind, strength: float, data: DataSet) -> dict[str, object]:
    bias = bias_of(config, kind, strength, data)
    log_w = _log_weights(bias, data, data.test_factors())
    p = (-log_w).exp() / len(log_w)
    seen = p > 0
    weighed = {
        "effective_share": bias.effective_share(data),
        "batch_effective": _batch_effective(bias, data, config.training.batch_size),
    }
    return {
        "kind": kind.name,
        "strength": strength,
        "nats": float(-(p[seen] * log_w[seen]).sum()),
        "rare": float((log_w > 0).double().mean()),
        "removed": float((~seen).double().mean()),
        **(weighed if kind.weighable else dict.fromkeys(weighed)),
    }


def _batch_effective(bias: Bias, data: DataSet, batch: int) -> float:
    drawn = draw_factors(data.factors, batch, torch.arange(BATCHES), bias)
    return float(effective_sample_size(stacked_log_weights(drawn, data, bias).exp()).mean())
