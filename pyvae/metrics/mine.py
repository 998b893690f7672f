"""MINE: how much a whole code holds of all factors together, as a bound by a trained network."""

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.resampling import interval_of
from pyvae.metrics.estimators.split import Split, Test, split_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured
from pyvae.ops import stacked_affine
from pyvae.ops.arguments import whole
from pyvae.progress import progress_bar

HIDDEN = (128, 128)
STEPS, BATCH, RATE = 2000, 256, 1e-3
PARTNERS = 8
"""Rows of the batch that each row's code is paired with as if they were independent."""

CHECKED, PATIENCE = 50, 500
"""Steps between two looks at the rows that decide when the network is best, since it learns its own by heart, and steps
without a better one that end the training.
"""

LEAST = 10
"""Rows, at least, that are learnt from; a fifth of them decides when to stop."""

SHIFTS, SHIFTS_TO_JUDGE = 100, 16
"""Pairs of each row, as if independent, in the bound that is reported and in those that the best network is told by."""


class _Pairs(NamedTuple):
    """Rows of codes [N, D] and of factors [N, C], as the network sees them."""

    codes: Tensor
    factors: Tensor

    def take(self, rows: Tensor | slice) -> "_Pairs":
        return _Pairs(self.codes[rows], self.factors[rows])

    def joined(self, shift: int = 0) -> Tensor:
        """Each code with the factors of the row `shift` places before, [1, N, D + C]; its own of shift 0."""
        return torch.cat([self.codes, self.factors.roll(shift, 0)], 1)[None]


def mine(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    steps: int = STEPS,
    test: Test | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Measured:
    r"""A lower bound in nats on I(z; v_1, ..., v_K), all latents and all factors, by MINE (Belghazi et al. 2018).

    .. math::
        I(z; v) \ge E_{p(z, v)}[T] - \log E_{p(z) p(v)}[e^T] \ge E_{p(z, v)}[T - c] - E_{p(z) p(v)}[e^{T - c}] + 1

    The first form, of Donsker and Varadhan, is what the network T, an MLP, is trained by. The second, for any number c,
    is what is reported, of rows that neither T nor c has seen: the log of a mean over a sample is too low on average,
    and would make the first too high (Poole et al. 2019). So the number is a lower bound in expectation, whatever the
    network has learnt; a single one may be above the truth by its error, which the interval covers. c and the number of
    steps are chosen by a fifth of the rows that are learnt from.

    What it cannot do: say how far below the truth it is, which grows with the information and where rows are few. Nor
    exceed the log of the number N of held-out rows, about the most such a bound can say with confidence (McAllester and
    Stratos 2020): the variance of e^T grows exponentially with the information (Song and Ermon 2020), and T - c is
    cut off at log N - 1. Compare codes by equal rows and steps, and differences by their intervals. Where a single
    latent or factor is asked for, nearest neighbours know more (`mig`, `parts["information"]`).

    Args:
        codes: N codes of D latents, as normal scores of their ranks among the rows that are learnt from: rising maps of
            latents change nothing.
        factors: [N] or [N, K]; a continuous factor as normal scores, others as indicators of each value.
        steps: of training, at most, at least 1; a thousand take about ten seconds on one core.
        test: held-out codes and factors; by default a third of the rows is held out.
        seed: of the rows that are held out, of the network and its batches, and of the interval.
        progress: whether to show a bar on standard error.

    Returns:
        Measured, from 0 to the ceiling, the least of log N and, of factors with classes, the sum of their entropies.
        The interval is that of the bound. `parts` has `bound`, not cut off at 0, and `steps`, those of the best
        network; 0 steps are a network that finds nothing.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, for too few points, and for
            steps below 1.
    """
    steps = whole("steps", steps, least=1)
    split = split_of(codes, factors, test, seed)
    if len(split.train.codes) < LEAST or len(split.test.codes) < 2:
        got = f"{len(split.train.codes)} and {len(split.test.codes)}"
        raise ValueError(f"codes must hold at least {LEAST} points to learn from and 2 held out, got {got}.")
    learnt, held_out = _pairs(split)
    most = math.log(len(held_out.codes)) - 1
    best = _trained(learnt, most, steps, seed, progress)
    terms = (
        _terms(best.critic, held_out, best.offset, most, SHIFTS)
        if best.step
        else torch.zeros(len(held_out.codes), device="cpu")
    )
    return _measured(terms.double().numpy(), best.step, split, seed)


def _measured(terms: Array, step: int, split: Split, seed: int) -> Measured:
    rows = len(terms)
    of_factors = math.inf if any(split.factors.continuous) else float(split.factors.entropies.sum())
    ceiling = min(math.log(rows), of_factors)

    def score(means: Array) -> Array:
        return np.asarray(np.clip(means[..., 0], 0.0, ceiling))

    value = float(score(terms.mean(keepdims=True)))
    low, high = interval_of(score, terms[:, None], seed, 0.0, ceiling)
    settings = {"network": f"MLP {', '.join(map(str, HIDDEN))}", "batch": BATCH, "pairs": SHIFTS, **split.settings}
    return Measured(value, low, high, ceiling, settings, {"bound": float(terms.mean()), "steps": step})


class _Critic(nn.Module):
    """T, an MLP with relu between its layers: [1, N, inputs] -> [1, N]. Its bits do not depend on threads."""

    def __init__(self, sizes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in pairwise(sizes):
            for kept, shape in ((self.weights, (1, fan_in, fan_out)), (self.biases, (1, 1, fan_out))):
                values = torch.empty(shape, dtype=torch.float32, device="cpu")
                kept.append(nn.Parameter(values.uniform_(-1, 1, generator=generator) / math.sqrt(fan_in)))

    def forward(self, x: Tensor) -> Tensor:
        *hidden, (weight, bias) = zip(self.weights, self.biases, strict=True)
        for layer in hidden:
            x = stacked_affine(x, *layer, relu=True)
        out: Tensor = (x * weight.mT).sum(-1) + bias[..., 0]
        return out


class _Best(NamedTuple):
    """A network, its c, the step it is of, and its bound on the rows that judge."""

    critic: _Critic
    offset: float = 0.0
    step: int = 0
    bound: float = 0.0


def _trained(rows: _Pairs, most: float, steps: int, seed: int, progress: bool) -> _Best:
    """The network of the step whose bound on rows left out is the best; of step 0 if none is above 0."""
    cut = len(rows.codes) - len(rows.codes) // 5
    fit, judge = rows.take(slice(cut)), rows.take(slice(cut, None))
    generator = torch.Generator("cpu").manual_seed(seed)
    critic = _Critic((fit.joined().shape[-1], *HIDDEN, 1), generator)
    optimiser, best = torch.optim.Adam(critic.parameters(), RATE), _Best(critic)
    with progress_bar("steps", steps, shown=progress) as done:
        for step in range(1, steps + 1):
            batch = fit.take(torch.randperm(cut, generator=generator, device="cpu")[:BATCH])
            loss = _log_mean_exp(critic, batch, PARTNERS) - critic(batch.joined()).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step % CHECKED == 0 or step == steps:
                best = _better(best, critic, judge, most, step)
                if step - best.step >= PATIENCE:
                    break
            done()
    return best


@torch.no_grad()
def _better(best: _Best, critic: _Critic, judge: _Pairs, most: float, step: int) -> _Best:
    offset = float(_log_mean_exp(critic, judge, SHIFTS_TO_JUDGE))
    bound = float(_terms(critic, judge, offset, most, SHIFTS_TO_JUDGE).mean())
    return _Best(copy.deepcopy(critic), offset, step, bound) if bound > best.bound else best


def _log_mean_exp(critic: _Critic, rows: _Pairs, partners: int) -> Tensor:
    """log of the mean of e^T over pairs of codes and factors from different rows, []."""
    values = torch.cat([critic(rows.joined(shift)) for shift in _shifts(rows, partners)])
    found: Tensor = values.logsumexp((0, 1)) - math.log(values.numel())
    return found


@torch.no_grad()
def _terms(critic: _Critic, rows: _Pairs, offset: float, most: float, partners: int) -> Tensor:
    """What each row adds to the bound, whose mean it is, [N]: its own pair, and those with it on either side."""
    shifts = _shifts(rows, partners)
    own = (critic(rows.joined())[0] - offset).clamp(max=most)
    by_code, by_factors = torch.zeros_like(own), torch.zeros_like(own)
    for shift in shifts:
        weight = (critic(rows.joined(shift))[0] - offset).clamp(max=most).exp() / len(shifts)
        by_code += weight
        by_factors += weight.roll(-shift, 0)
    terms: Tensor = own + 1 - by_code - by_factors + by_code.mean()
    return terms


def _shifts(rows: _Pairs, partners: int) -> range:
    return range(1, min(partners, len(rows.codes) - 1) + 1)


def _pairs(split: Split) -> tuple[_Pairs, _Pairs]:
    """Both parts as the network sees them."""
    codes = _normal_scores(split.train.codes, split.test.codes)
    parts: list[tuple[Array, Array]] = []
    for k, continuous in enumerate(split.factors.continuous):
        if continuous:
            values = split.train.values[:, k : k + 1], split.test.values[:, k : k + 1]
            parts.append(_normal_scores(*values))
        else:
            kinds = np.eye(split.factors.sizes[k])
            parts.append((kinds[split.train.labels[:, k]], kinds[split.test.labels[:, k]]))
    factors = (np.concatenate(columns, 1) for columns in zip(*parts, strict=True))
    learnt, held_out = (
        _Pairs(*(torch.from_numpy(part).float() for part in pair)) for pair in zip(codes, factors, strict=True)
    )
    return learnt, held_out


def _normal_scores(train: Array, test: Array) -> tuple[Array, Array]:
    """Columns of both parts as normal quantiles of their ranks in the first, ties in the middle."""
    ordered = np.sort(train, 0)
    return _quantiles(ordered, train), _quantiles(ordered, test)


def _quantiles(ordered: Array, values: Array) -> Array:
    out = np.empty(values.shape)
    for d, column in enumerate(ordered.T):
        below, up_to = (np.searchsorted(column, values[:, d], side) for side in ("left", "right"))
        out[:, d] = (below + up_to + 1) / 2 / (len(column) + 1)
    normal: Array = torch.special.ndtri(torch.from_numpy(out)).numpy()
    return normal
