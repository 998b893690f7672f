"""Evaluation of models whose numbers are known: an exact linear encoder, a collapsed one, a broken one."""

import math

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from pyvae.metrics.estimators.projection import halves
from pyvae.nn import StackedVAE
from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.evaluate import SPLIT_SEED, Evaluation, evaluate, picture_intensities, random_baseline
from pyvae.studies.biased_grid.theory import ceiling
from pyvae.training import Cell

CONFIG = BiasedGridConfig("quick").replaced(
    mus=(0.0, 2.0), betas=(1.0,), blocks=2, pixels=5, latents=4, hidden=(4,), information_images=4000,
    sample_images=3,
)  # fmt: skip
GRID = CONFIG.grid
EXACT, COLLAPSED = Cell(0.0, 1.0, 0), Cell(0.0, 2.0, 0)
SCALE = 10.0


def _exact(model: StackedVAE, k: int) -> None:
    """Model k's code is SCALE times the block means (of positive images), almost without noise, and decodes exactly."""
    blocks = GRID.render(torch.eye(len(GRID.factors)))  # [latents, pixels]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter[k] = 0
        first, last = model.encoder
        first.weight[k] = blocks.T / GRID.pixels**2
        first.bias[k] = 10.0  # keeps noised block means in the linear part of relu
        last.weight[k, :, :4] = SCALE * torch.eye(4)
        last.bias[k, 0, :4], last.bias[k, 0, 4:] = -10.0 * SCALE, -20.0
        model.decoder[0].weight[k], model.decoder[0].bias[k] = torch.eye(4) / SCALE, 10.0
        model.decoder[1].weight[k] = blocks
        model.decoder[1].bias[k] = -10.0


def _collapsed(model: StackedVAE, k: int) -> None:
    """Model k's posterior is the prior, and its decoder answers the mean training image at mu = 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter[k] = 0
        model.decoder[1].bias[k] = 0.5


def _models() -> StackedVAE:
    model = StackedVAE(2, GRID.size, CONFIG.model.hidden, CONFIG.model.latents, seeds=[0, 1])
    _exact(model, 0)
    _collapsed(model, 1)
    return model


def numbers(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "reason"}


def _evaluate(model: StackedVAE, cells: list[Cell]) -> Evaluation:
    return evaluate(model, cells, CONFIG, steps=[7] * len(cells), best_steps=[5] * len(cells))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, float]]:
    """One row for the exact model, one for the collapsed one."""
    table = _evaluate(_models(), [EXACT, COLLAPSED]).table
    found: list[dict[str, float]] = table.to_pylist()
    return found


def test_rows_say_which_model_they_are(rows: list[dict[str, float]]) -> None:
    assert [(r["mu"], r["beta"], r["seed"], r["steps"], r["best_step"]) for r in rows] == [
        (0.0, 1.0, 0, 7, 5),
        (0.0, 2.0, 0, 7, 5),
    ]
    assert all(row["finite"] for row in rows)


def test_an_exact_linear_encoder(rows: list[dict[str, float]]) -> None:
    exact = rows[0]
    for code in ("mean", "sample"):
        assert exact[f"test_truth_to_{code}_r2_lsq"] == pytest.approx(1, abs=1e-5)
        assert exact[f"test_{code}_to_truth_r2_lsq"] == pytest.approx(1, abs=1e-5)
        assert exact[f"test_{code}_to_truth_mse_lsq"] < 1e-6
    assert exact["test_decoded_projection_mse_lsq"] < 1e-8
    assert exact["train_active_kl"] == exact["train_active_variance"] == 4


def test_an_exact_linear_encoder_recovers_most_of_the_ceiling(rows: list[dict[str, float]]) -> None:
    exact = rows[0]
    assert exact["train_ceiling_nats"] == pytest.approx(ceiling(0.0, blocks=4, pixels=25))
    assert 0.85 < exact["train_recovered_nats"] / exact["train_ceiling_nats"] < 1
    assert exact["train_code_information_saturated"]
    assert exact["train_code_information_nats"] == pytest.approx(math.log(4000), abs=0.01)


def test_the_reconstruction_of_the_exact_model_is_the_noise_it_does_not_fit(rows: list[dict[str, float]]) -> None:
    """Of the 100 pixels 4 block means are fitted: (100 - 4) / 2 nats are left."""
    assert rows[0]["train_reconstruction_nats"] == pytest.approx(48, abs=0.5)
    for row in rows:
        assert row["train_elbo_nats"] == pytest.approx(
            -row["train_reconstruction_nats"] - row["train_kl_nats"], rel=1e-5
        )
        latents = sum(row[f"train_kl_latent_{d}_nats"] for d in range(4))
        assert latents == pytest.approx(row["train_kl_nats"], rel=1e-5)


def test_a_collapsed_encoder(rows: list[dict[str, float]]) -> None:
    collapsed = rows[1]
    assert collapsed["test_truth_to_mean_mse_lsq"] == collapsed["test_truth_to_mean_r2_lsq"] == 0
    assert collapsed["test_truth_to_mean_mse_sgd"] == 0
    truth = GRID.test_intensities()
    fit, test = halves(len(truth), SPLIT_SEED)
    by_the_mean = (truth[test] - truth[fit].mean(0)).square().mean().item()  # 0.10667 but for the small grid's halves
    assert collapsed["test_mean_to_truth_mse_lsq"] == pytest.approx(by_the_mean, rel=1e-5)
    assert collapsed["test_mean_to_truth_r2_lsq"] == pytest.approx(0, abs=0.1)
    assert collapsed["test_truth_to_sample_mse_lsq"] == pytest.approx(1, abs=0.4)
    assert collapsed["test_decoded_projection_mse_lsq"] == pytest.approx(
        (truth[test] - 0.5).square().mean().item(), rel=1e-5
    )
    assert collapsed["train_kl_nats"] == collapsed["train_active_kl"] == collapsed["train_active_variance"] == 0
    assert collapsed["train_recovered_nats"] < 0.01
    assert collapsed["train_code_information_nats"] == pytest.approx(0, abs=1e-4)
    assert not collapsed["train_code_information_saturated"]
    intensity = 0.0434  # Var(sigmoid z) at mu = 0
    assert collapsed["train_reconstruction_nats"] == pytest.approx(50 * (1 + intensity / 0.25), rel=0.01)


def test_a_row_does_not_depend_on_its_chunk(rows: list[dict[str, float]]) -> None:
    model = _models()
    for k, cell in enumerate((EXACT, COLLAPSED)):
        alone = _evaluate(model.select([k]), [cell]).table.to_pylist()[0]
        assert numbers(alone) == pytest.approx(numbers(rows[k]), rel=1e-4, abs=1e-6)


def test_evaluation_repeats_itself() -> None:
    first, second = (_evaluate(_models(), [EXACT, COLLAPSED]) for _ in range(2))
    assert first.table.equals(second.table)
    assert torch.equal(first.decoded, second.decoded)
    assert torch.equal(first.projection_curve, second.projection_curve)


def test_a_model_that_diverged_says_so_and_leaves_the_others_alone(rows: list[dict[str, float]]) -> None:
    model = _models()
    with torch.no_grad():
        model.encoder[0].weight[1] = math.nan
    found = _evaluate(model, [EXACT, COLLAPSED]).table.to_pylist()
    assert [row["finite"] for row in found] == [True, False]
    assert numbers(found[0]) == pytest.approx(numbers(rows[0]), rel=1e-5, abs=1e-6)
    assert found[1]["reason"] == "training diverged: the codes are not finite"
    for name, value in found[1].items():
        measured = name.startswith(("train_", "test_")) and name != "train_ceiling_nats"
        assert (value is None) == measured or name == "reason", name


def test_what_readers_of_parquet_make_of_a_model_that_diverged(tmp_path) -> None:
    """Statistics of a column leave NaN out, so that readers skip rows by them: a null is found, a NaN may not be."""
    model = _models()
    with torch.no_grad():
        model.encoder[0].weight[1] = math.nan
    pq.write_table(_evaluate(model, [EXACT, COLLAPSED]).table, tmp_path / "results.parquet")
    lost = pq.read_table(tmp_path / "results.parquet", filters=pc.field("train_kl_nats").is_null())
    assert lost["beta"].to_pylist() == [2.0] and lost["reason"].null_count == 0
    every = pq.read_table(tmp_path / "results.parquet")
    assert every.schema.field("train_active").type == pa.int64()
    assert not any(pc.any(pc.is_nan(column)).as_py() for column in every.columns if pa.types.is_floating(column.type))


def test_pictures_are_decoded_projections_of_unseen_images() -> None:
    evaluation = _evaluate(_models(), [EXACT, COLLAPSED])
    assert evaluation.decoded.shape == (2, 3, GRID.size)
    torch.testing.assert_close(evaluation.decoded[0], GRID.render(picture_intensities(CONFIG)), atol=1e-4, rtol=0)
    batches = math.ceil((81 // 2) / CONFIG.evaluation.projection_batch_size)
    assert evaluation.projection_curve.shape == (2, CONFIG.evaluation.projection_epochs * batches)


def test_the_baseline_has_learned_nothing() -> None:
    table = random_baseline(CONFIG).table
    assert isinstance(table, pa.Table)
    assert table.num_rows == CONFIG.evaluation.baseline_runs
    for row in table.to_pylist():
        assert (row["mu"], row["beta"], row["steps"]) == (0.0, 0.0, 0)
        assert row["test_sample_to_truth_mse_lsq"] == pytest.approx(0.107, abs=0.03)
        assert row["train_recovered_nats"] < 0.1
    assert len({row["train_elbo_nats"] for row in table.to_pylist()}) == CONFIG.evaluation.baseline_runs


def test_lengths_are_checked() -> None:
    with pytest.raises(ValueError, match="cells"):
        evaluate(_models(), [EXACT], CONFIG, steps=[1, 1], best_steps=[1, 1])
    with pytest.raises(ValueError, match="best_steps"):
        evaluate(_models(), [EXACT, COLLAPSED], CONFIG, steps=[1, 1], best_steps=[1])
