"""What is measured on every trained model of the grid study, and the untrained models it is compared with.

Every column of the table names the distribution it was measured on and, for projections, the direction:

* `test_...`: the noise-free grid of all combinations of the intensities {0.1, 0.5, 0.9}. Truth is these
  *intensities* (their logits are affine in them, so R^2 would be the same; a raw MSE of truth would not).
  Projections are fitted on a random half of the grid; the other half gives every number.
* `train_...`: fresh noised images of the model's own training distribution, that no training or validation
  step saw.

Stacks are evaluated a chunk at a time: K = 15 models take about 600 MB.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from pyvae.data import BlockGrid, Draw
from pyvae.metrics.estimators.code_information import (
    code_information,
    is_saturated,
    latent_information,
    recovered_information,
)
from pyvae.metrics.estimators.latents import active_by_kl, active_by_variance, is_active, kl_per_latent
from pyvae.metrics.estimators.projection import LinearMap, halves, least_squares, score, sgd_protocol
from pyvae.nn import StackedModel
from pyvae.ops import reparameterize
from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.recipe import biases, recipe
from pyvae.studies.biased_grid.theory import ceiling
from pyvae.training import Cell
from pyvae.training.cells import stream

IMAGES_AT_ONCE = 2048
SPLIT_SEED = 0  # the halves of the test grid are the same for every model of every study

Columns = dict[str, Tensor]


class Evaluation(NamedTuple):
    """A chunk of K models: one table row each, decoded projections [K, n, pixels], SGD projection curves
    [K, steps].
    """

    table: pa.Table
    decoded: Tensor
    projection_curve: Tensor


@torch.no_grad()
def evaluate(
    model: StackedModel,
    cells: Sequence[Cell],
    config: BiasedGridConfig,
    *,
    steps: Sequence[int],
    best_steps: Sequence[int],
) -> Evaluation:
    """Measure a chunk of trained models; cells[k] is model k's, steps[k] its last step, best_steps[k] the one
    kept.

    Deterministic: all randomness comes from streams of the cells, so a row does not depend on its chunk. A
    model whose codes are not finite has `finite` false, and no measure of it is given. Raises ValueError when
    the lengths differ.
    """
    for name, values in (("cells", cells), ("steps", steps), ("best_steps", best_steps)):
        if len(values) != model.models:
            raise ValueError(f"{name} must hold one entry per model ({model.models}), got {len(values)}")
    grid = config.grid
    test, decoded, curve = _on_test_grid(model, cells, config, grid)
    columns = {
        "mu": torch.tensor([cell.bias for cell in cells], dtype=torch.float64),
        config.strength: torch.tensor([cell.strength for cell in cells], dtype=torch.float64),
        "seed": torch.tensor([cell.seed for cell in cells]),
        "steps": torch.tensor(list(steps)),
        "best_step": torch.tensor(list(best_steps)),
        **_on_training_distribution(model, cells, config, grid),
        **test,
    }
    return Evaluation(_table(columns), decoded, curve)


def _table(columns: Columns) -> pa.Table:
    """The rows; of a model that has diverged every measure is null, and `reason` says why."""
    finite = columns["finite"].numpy()
    out: dict[str, Any] = {}
    for name, values in columns.items():
        array = values.numpy()
        of_the_model = name.startswith(("train_", "test_")) and name != "train_ceiling_nats"
        out[name] = pa.array(array, mask=~finite | ~np.isfinite(array)) if of_the_model else array
    reasons = [None if row else "training diverged: the codes are not finite" for row in finite]
    return pa.table({**out, "reason": pa.array(reasons, pa.string())})


def random_baseline(config: BiasedGridConfig) -> Evaluation:
    """The same measures of `baseline_runs` untrained models: what a number is worth when nothing was learned.

    Their `train_` columns are read at the study's least biased mu; the strength is recorded as 0 and seed numbers the
    runs.
    """
    runs = range(config.evaluation.baseline_runs)
    cells = [Cell(min(config.axes.mus, key=abs), 0.0, run) for run in runs]
    model = recipe(config).model(len(cells), stream(cells, "baseline initialisation"))
    untrained = [0] * len(cells)
    return evaluate(model, cells, config, steps=untrained, best_steps=untrained)


def _on_training_distribution(
    model: StackedModel, cells: Sequence[Cell], config: BiasedGridConfig, grid: BlockGrid
) -> Columns:
    """ELBO terms, latents and information on held-out noised images; models that differ in strength see the
    same ones.
    """
    truth, images, _ = held_out(grid, cells, config.evaluation.information_images)
    mu, logvar = model.encode(images)
    code = _codes(mu, logvar, stream(cells, "evaluation code"), config)
    reconstruction = recipe(config).likelihood(images, model.decode(code)).mean(-1)
    kl = kl_per_latent(mu, logvar)
    information, by_latent = code_information(code, mu, logvar), latent_information(code, mu, logvar)
    most = [
        ceiling(cell.bias, blocks=len(grid.factors), pixels=grid.pixels**2, noise_variance=grid.noise_variance)
        for cell in cells
    ]
    columns = {
        "finite": (mu.isfinite() & logvar.isfinite()).all(-1).all(-1),
        "train_elbo_nats": -reconstruction - kl.sum(-1),
        "train_reconstruction_nats": reconstruction,
        "train_kl_nats": kl.sum(-1),
        "train_active": is_active(by_latent).sum(-1),
        "train_active_kl": active_by_kl(kl),
        "train_active_variance": active_by_variance(mu),
        "train_ceiling_nats": torch.tensor(most, dtype=torch.float64),
        "train_recovered_nats": recovered_information(code, truth).sum(-1),
        "train_code_information_nats": information,
        "train_code_information_saturated": is_saturated(information, config.evaluation.information_images),
        **{f"train_kl_latent_{d}_nats": kl[:, d] for d in range(config.model.latents)},
        **{f"train_information_latent_{d}_nats": by_latent.value[:, d] for d in range(config.model.latents)},
    }
    return columns | _without_noise(columns) if config.objective.kind.deterministic else columns


def _codes(mu: Tensor, logvar: Tensor, seeds: Tensor, config: BiasedGridConfig) -> Tensor:
    """Codes as the decoder was trained on them: sampled, or the means."""
    return mu if config.objective.kind.deterministic else reparameterize(mu, logvar, seed=seeds)


def _without_noise(columns: Columns) -> Columns:
    """What deterministic codes have in place of measures beside their noise, which are null. A latent is active whose
    mean varies: it holds whatever it is asked for.
    """
    beside_noise = [name for name in columns if "elbo" in name or "_kl" in name or "information" in name]
    return {
        **{name: torch.full(columns[name].shape, torch.nan) for name in beside_noise},
        "train_code_information_saturated": torch.zeros_like(columns["finite"]),
        "train_active": columns["train_active_variance"],
    }


def held_out(grid: BlockGrid, cells: Sequence[Cell], count: int) -> Draw:
    """Factors z [K, count, factors] and noised images [K, count, pixels] of each cell's training distribution."""
    purposes = {"factors": "evaluation factors", "pixels": "evaluation noise"}
    seeds = {name: stream(cells, purpose, shared_across_strengths=True) for name, purpose in purposes.items()}
    return grid.draw(count, seeds, biases(cells))


def _on_test_grid(
    model: StackedModel, cells: Sequence[Cell], config: BiasedGridConfig, grid: BlockGrid
) -> tuple[Columns, Tensor, Tensor]:
    """Projections both ways between intensities and codes, and the decoded projection's error."""
    truth = grid.test_intensities()
    mu, logvar = _encode_grid(model, grid, truth)
    codes = torch.stack([mu, _codes(mu, logvar, stream(cells, "evaluation test code"), config)])  # [2, K, N, L]
    fit, test = halves(len(truth), SPLIT_SEED)
    forward, curve = _both_fits(truth[fit], codes[:, :, fit], config)
    backward, _ = _both_fits(codes[:, :, fit], truth[fit], config)
    columns: Columns = {"test_mean_variance": mu[:, test].double().var(-2, correction=0).mean(-1)}
    for method in ("lsq", "sgd"):
        to_code = score(forward[method].predict(truth[test]), codes[:, :, test])
        to_truth = score(backward[method].predict(codes[:, :, test]), truth[test])
        for i, code in enumerate(("mean", "sample")):
            columns[f"test_truth_to_{code}_mse_{method}"] = to_code.mse[i]
            columns[f"test_truth_to_{code}_r2_{method}"] = to_code.r2[i]
            columns[f"test_{code}_to_truth_mse_{method}"] = to_truth.mse[i]
            columns[f"test_{code}_to_truth_r2_{method}"] = to_truth.r2[i]
        to_mean = LinearMap(forward[method].weight[0], forward[method].bias[0])
        columns[f"test_decoded_projection_mse_{method}"] = _decoded_error(model, grid, to_mean, truth[test])
    shown = forward["lsq"].predict(picture_intensities(config))[0]
    return columns, model.decode(shown), curve[0]


def _both_fits(inputs: Tensor, targets: Tensor, config: BiasedGridConfig) -> tuple[dict[str, LinearMap], Tensor]:
    """The closed-form map ("lsq") and the source's ("sgd"), and the latter's training curve."""
    sgd = sgd_protocol(
        inputs,
        targets,
        epochs=config.evaluation.projection_epochs,
        learning_rate=config.evaluation.projection_learning_rate,
        batch_size=config.evaluation.projection_batch_size,
        seed=SPLIT_SEED,
    )
    return {"lsq": least_squares(inputs, targets), "sgd": sgd.map}, sgd.curve


def _encode_grid(model: StackedModel, grid: BlockGrid, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Posterior means and log variances [K, N, latents] of the noise-free grid, which all models share."""
    parts = [model.encode(grid.render(batch)) for batch in torch.split(truth, IMAGES_AT_ONCE)]
    return torch.cat([mu for mu, _ in parts], 1), torch.cat([logvar for _, logvar in parts], 1)


def _decoded_error(model: StackedModel, grid: BlockGrid, projection: LinearMap, truth: Tensor) -> Tensor:
    """Mean over images and pixels of (G(z) - Decoder(P(z)))^2, [K]."""
    total = torch.zeros(model.models, dtype=torch.float64)
    for batch in torch.split(truth, IMAGES_AT_ONCE):
        difference = model.decode(projection.predict(batch)).sub_(grid.render(batch))
        total += difference.square_().sum((1, 2), dtype=torch.float64)
    return total / (len(truth) * grid.size)


def picture_intensities(config: BiasedGridConfig) -> Tensor:
    """The test images shown decoded: `sample_images` of the half that no projection was fitted on."""
    grid = config.grid
    truth = grid.test_intensities()
    _, test = halves(len(truth), SPLIT_SEED)
    return truth[test[: config.evaluation.sample_images]]
