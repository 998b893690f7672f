"""A tiny study from training to its page; what stops it at any moment changes no bit of what it ends with."""

import dataclasses
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console

from pyvae.data import Arrays
from pyvae.metrics import Codes, active_latents
from pyvae.ops import gaussian_kl
from pyvae.studies import StudyError, load_models
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.run import run_study
from pyvae.studies.scores import Points, Task
from pyvae.studies.vae import STUDY
from pyvae.studies.vae.figures import FIGURES
from pyvae.studies.vae.results import SAVED, load_results
from pyvae.training.train import Training
from tests.studies.vae.tiny import tiny

UNTOLD = dataclasses.replace(STUDY, draw=lambda out: None, report=lambda out: out / "report.html")
"""The study without figures and page, which take longer than all else of a tiny run."""


@pytest.fixture(scope="module", autouse=True)
def one_way_of_stepping() -> Iterator[None]:
    """Nothing is measured to choose it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: "fused")
        yield


def run(out: Path, *settings: str, study=UNTOLD, **options) -> None:
    run_study(study, tiny(*settings), out, console=Console(file=io.StringIO(), width=120), **options)


def saved(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in SAVED}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("vae") / "finished"
    run(out, study=STUDY)
    return out


def test_a_row_for_each_model_and_a_column_for_each_number(finished) -> None:
    rows = pq.read_table(finished / "results.parquet").to_pylist()
    assert [(row["beta"], row["seed"]) for row in rows] == [(1, 0), (4, 0), (1, 1), (4, 1)]
    assert all(row["finite"] and None not in row.values() for row in rows)
    for row in rows:
        parts = [row[f"aggregate_{part}"] for part in ("information", "total_correlation", "dimwise_kl")]
        assert sum(parts) == pytest.approx(row["mean_kl"], rel=0.1, abs=0.05)  # of samples, and of the KL itself
        assert row["elbo"] == -row["reconstruction"] - row["mean_kl"]
    scores = pq.read_table(finished / "scores.parquet").to_pylist()
    assert len(scores) == 4 * 7 and all(row["low"] <= row["value"] <= row["high"] for row in scores)


@torch.no_grad()
def test_numbers_are_those_of_the_models(finished) -> None:
    trained, images = load_models(finished), Points(tiny().data.open(), 150).images
    mu, logvar = trained.model.select([2]).encode(images)
    row = pq.read_table(finished / "results.parquet").to_pylist()[2]
    assert row["mean_kl"] == pytest.approx(float(gaussian_kl(mu, logvar).mean()), rel=1e-5)
    assert row["active_latents"] == active_latents(Codes(mu[0], logvar[0]), seed=0).value
    z = mu + logvar.mul(0.5).exp() * torch.randn(200, *mu.shape[1:], generator=torch.Generator().manual_seed(0))
    decoded = trained.model.select([2]).decode(z.reshape(1, -1, 3)).sigmoid().reshape(200, *images.shape)
    likelihood = torch.distributions.Bernoulli(probs=decoded.clamp(1e-6, 1 - 1e-6), validate_args=False)
    assert row["reconstruction"] == pytest.approx(float(-likelihood.log_prob(images).sum(-1).mean()), rel=0.02)
    assert row["squared_error"] == pytest.approx(float((decoded - images).square().mean()), rel=0.02)


def test_the_page_has_every_figure_and_needs_nothing_else(finished) -> None:
    text, findings = (finished / "report.html").read_text(), (finished / "findings.md").read_text()
    assert text.count('src="data:image/png;base64,') == len(FIGURES) == len(list((finished / "figures").iterdir()))
    assert not re.search(r"https?://|@import|url\(|<script|\bnan\b", text)
    assert "pyvae study vae --preset quick --out DIR --set strengths=1.0,4.0 --set seeds=0,1" in text
    assert findings.startswith("# What a VAE learns") and "## What can this study not tell?" in findings


@pytest.mark.parametrize(("owner", "name", "calls"), [(Training, "advance", 2), (Task, "_measure", 9)])
def test_a_study_that_dies_at_any_moment_ends_with_the_same_bits(tmp_path, finished, owner, name, calls) -> None:
    real, left = getattr(owner, name), iter(range(calls))

    def dying(*arguments):
        if next(left, None) is None:
            raise SystemExit("killed")
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(SystemExit, match="killed"):
            run(tmp_path)
    assert not (tmp_path / "results.parquet").exists()
    run(tmp_path, resume=True)
    assert saved(tmp_path) == saved(finished)


def test_a_run_grows_by_strengths_seeds_and_steps(tmp_path, finished) -> None:
    run(tmp_path, "strengths=4", "seeds=1", "steps=20")
    run(tmp_path, resume=True)
    assert saved(tmp_path) == saved(finished)


def test_what_pyvae_evaluate_adds_is_not_the_studys(tmp_path, finished) -> None:
    run(tmp_path)
    evaluate_run(tmp_path, metrics=["modularity", "mig"], points=50, console=Console(file=io.StringIO()))
    (tmp_path / "results.parquet").unlink()
    run(tmp_path, resume=True)
    assert saved(tmp_path) == saved(finished)


def test_ones_own_images_without_factors(tmp_path) -> None:
    images = np.random.default_rng(0).random((60, 3, 6, 10)).astype(np.float32)
    np.save(tmp_path / "mine.npy", images)
    own = ("data=arrays", f"data_path={tmp_path / 'mine.npy'}", "metrics=few", "seeds=0", "likelihood=gaussian")
    run(tmp_path / "out", *own, study=STUDY)
    results = load_results(tmp_path / "out")
    assert results.asked == () and not (tmp_path / "out" / "figures" / "scores.png").exists()
    assert "nothing says whether latents mean anything" in (tmp_path / "out" / "findings.md").read_text()
    assert Arrays(images).factors == () and results.finite.all()


@pytest.mark.filterwarnings("error")
def test_a_data_set_of_one_image_warns_of_nothing(tmp_path) -> None:
    np.save(tmp_path / "one.npy", np.full((1, 8, 8), 255, np.uint8))
    run(tmp_path / "out", "data=arrays", f"data_path={tmp_path / 'one.npy'}", "metrics=none", study=STUDY)
    assert load_results(tmp_path / "out").finite.all()


def test_deterministic_codes_have_errors_and_no_kl(tmp_path) -> None:
    run(tmp_path, "objective=autoencoder", "seeds=0", "metrics=none", study=STUDY)
    rows = STUDY.table(tmp_path).to_pylist()
    assert [row["weight"] for row in rows] == [0, 0.01, 0.1] and all(row["finite"] for row in rows)
    assert all(row["mean_kl"] is None and row["elbo"] is None and row["squared_error"] > 0 for row in rows)
    text = (tmp_path / "findings.md").read_text()
    assert "No number here says" in text and "Codes have no variance" in text


def test_models_that_diverge_still_get_a_report(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"every model has diverged: try a smaller learning_rate; report: .*html"):
        run(tmp_path, "learning_rate=1e30", "seeds=0", study=STUDY)
    rows = STUDY.table(tmp_path).to_pylist()
    assert [row["finite"] for row in rows] == [False, False] and rows[0]["reconstruction"] is None
    assert "Every model has diverged. Try a smaller learning rate" in (tmp_path / "report.html").read_text()
