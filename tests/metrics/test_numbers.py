"""numpy's integers are integers in every score and estimate, and what is no number is refused by its name."""

import inspect
import math
import typing
from typing import Any

import numpy as np
import pytest
import torch

import pyvae
from pyvae import metrics

X = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
KINDS = [np.int64, np.int32, np.uint8, np.uint64]


def answers(number: type) -> list[torch.Tensor]:
    labels = np.arange(40) % 2
    posterior = pyvae.aggregate_posterior(X, X, chunk=number(20))
    scores = [
        metrics.mig(posterior, labels, samples=number(10), seed=number(2)),
        metrics.active_latents(posterior, samples=number(10), seed=number(2)),
    ]
    steps = {"epochs": number(2), "batch_size": number(8), "seed": number(3)}
    return [
        posterior.sample(number(3), seed=number(3)).z,
        posterior.mutual_information(number(20), seed=number(3)).value,
        posterior.conditional_entropies(labels, number(20), seed=number(3)).value,
        torch.tensor([float(score) for score in scores]),
        metrics.halves(number(40), number(3))[0],
        metrics.sgd_protocol(X, X, learning_rate=0.1, **steps).curve,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_counts_and_seeds(kind: type[np.integer]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(answers(kind), answers(int), strict=True))


@pytest.mark.parametrize("seed", [1.5, True, "1"])
def test_seeds_that_are_none(seed: object) -> None:
    posterior = pyvae.aggregate_posterior(X, X)
    asked = [
        lambda: posterior.sample(3, seed=seed),
        lambda: metrics.mig(posterior, np.arange(40) % 2, samples=10, seed=seed),
        lambda: metrics.active_latents(posterior, samples=10, seed=seed),
        lambda: metrics.halves(40, seed),
        lambda: metrics.sgd_protocol(X, X, epochs=1, learning_rate=0.1, batch_size=8, seed=seed),
    ]
    for ask in asked:
        with pytest.raises(TypeError, match=r"^seed must be an int, got (float|bool|str)\.$"):
            ask()


FACTORS = np.arange(40) % 2
ESTIMATE = pyvae.aggregate.Estimate(torch.ones(2), torch.ones(2))
# What else the functions are called with that take no codes and factors of one model.
GIVEN: dict[str, dict[str, Any]] = {
    "code_information": {"z": X, "mu": X, "logvar": X},
    "latent_information": {"z": X, "mu": X, "logvar": X},
    "halves": {"count": 40, "seed": 0},
    "is_active": {"information": ESTIMATE},
    "is_saturated": {"information": X, "images": 40},
    "mutual_information_gap": {"posterior": pyvae.aggregate_posterior(X, X), "labels": FACTORS},
    "sgd_protocol": {"inputs": X, "targets": X, "epochs": 1, "learning_rate": 0.1, "batch_size": 8, "seed": 0},
    "udr": {"codes": [X, X]},
}
WRONG = [2.5, "20", None, True, math.nan, -1, [1]]
# Seeds of torch's generators may be below 0, and these are greater than 0, whatever else they are.
RIGHT: dict[str, list[Any]] = {
    "halves seed": [-1], "sgd_protocol seed": [-1],
    "active_latents threshold": [2.5], "is_active threshold": [2.5], "sgd_protocol learning_rate": [2.5],
    "code_information rtol": [2.5], "latent_information rtol": [2.5],
}  # fmt: skip


def numeric_arguments() -> list[tuple[str, str, list[Any]]]:
    """Of every public function the arguments that are numbers, with values that are none for it."""
    found = []
    for name in metrics.__all__:
        function = getattr(metrics, name)
        for argument, hint in typing.get_type_hints(function).items() if inspect.isfunction(function) else ():
            kinds = typing.get_args(hint) or (hint,)
            if argument == "return" or not (int in kinds or float in kinds):
                continue
            right = RIGHT.get(f"{name} {argument}", [])
            wrong = [v for v in WRONG if v not in right and not (v is None and type(None) in kinds)]
            found.append((name, argument, wrong))
    return found


@pytest.mark.filterwarnings("ignore:metrics.mutual_information_gap")
@pytest.mark.parametrize(("name", "argument", "wrong"), numeric_arguments(), ids=lambda part: str(part))
def test_what_is_no_number_is_one_sentence_that_names_the_argument(name: str, argument: str, wrong: list[Any]) -> None:
    """Whether or not these codes ask for it, so that nothing is mistyped unseen."""
    function = getattr(metrics, name)
    parameters = inspect.signature(function).parameters
    for codes in (X, metrics.Codes(X, X)):
        given = GIVEN.get(name) or {k: v for k, v in (("codes", codes), ("factors", FACTORS)) if k in parameters}
        for value in wrong:
            with pytest.raises((TypeError, ValueError), match=rf"^{argument} must be [^\n]*, got [^\n]*\.$"):
                function(**{**given, argument: value})


def test_every_number_of_a_score_is_tried() -> None:
    tried = {f"{name} {argument}" for name, argument, _ in numeric_arguments()}
    for told in ("statistical_efficiency few", "mine steps", "beta_vae_score batch", "jemmig bins", "irs quantile"):
        assert told in tried
    assert set(RIGHT) <= tried and set(GIVEN) <= {name.split()[0] for name in tried}
