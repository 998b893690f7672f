"""benchmarks/audit: truths by another route, verdicts, who is left out, and the page's table."""

import importlib
import json
import math
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import integrate
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn.functional import softplus

import pyvae
from benchmarks.audit import __main__ as program
from benchmarks.audit import known
from benchmarks.audit.row import Row, sampled, verdict
from benchmarks.audit.table import number, table
from pyvae import metrics

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/audit.md"
ROW = Row(call="f", quantity="KL", on="codes", value=2.0, truth=2.0)


# --- Truths -----------------------------------------------------------------------------------------------------------


def by_torch(mu: torch.Tensor, sigma: torch.Tensor, prior_mu: torch.Tensor, prior_sigma: torch.Tensor) -> float:
    """A mean over the first axis, in float64."""
    priors = Normal(prior_mu.double(), prior_sigma.double())
    return float(kl_divergence(Normal(mu.double(), sigma.double()), priors).flatten(1).sum(1).mean())


@pytest.mark.parametrize("spread", [1.0, 0.02])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_kls_of_rows_are_those_of_torch_distributions(spread: float, dtype: torch.dtype) -> None:
    of = known.flat(spread, dtype)
    one = torch.ones(())
    expected = by_torch(of.mu, (of.logvar.double() / 2).exp(), 0 * one, one)
    assert of.mu.dtype == dtype and of.kl == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [known.IMAGE, known.VIDEO])
def test_kls_of_moments_are_those_of_torch_distributions(shape: tuple[int, ...]) -> None:
    of, one = known.packed(shape, 1.0, torch.bfloat16), torch.ones(())
    (mu, logvar), (other_mu, other_logvar) = (part.double().chunk(2, 1) for part in (of.moments, of.others))
    sigma, other_sigma = (logvar / 2).exp(), (other_logvar / 2).exp()
    assert of.kl == pytest.approx(by_torch(mu, sigma, 0 * one, one), rel=1e-12)
    assert of.kl_to_others == pytest.approx(by_torch(mu, sigma, other_mu, other_sigma), rel=1e-12)


def test_sizes_of_a_video_tell_its_axes_apart() -> None:
    _, channels, *axes = known.VIDEO
    assert len({channels // 2, *axes}) == 4


def test_kls_of_sound_are_those_of_torch_distributions() -> None:
    for of in (known.sound(), known.narrowed_sound()):
        parts = [part.double().chunk(2, 1) for part in (of.moments, of.others)]
        (mu, sigma), (other_mu, other_sigma) = ((mu, softplus(s) + 1e-4) for mu, s in parts)
        assert of.kl == pytest.approx(by_torch(mu, sigma, torch.zeros(()), torch.ones(())), rel=1e-6)
        assert of.kl_to_others == pytest.approx(by_torch(mu, sigma, other_mu, other_sigma), rel=1e-6)
    count = math.prod(known.AUDIO[1:]) / 2
    assert of.kl_to_others == pytest.approx(count * (math.log(2) - 3 / 8), rel=1e-5)


def test_the_kl_on_a_sphere_is_that_of_its_density() -> None:
    """In 3 dimensions the density of the cosine c is κ exp(κ c) / (2 sinh κ), and 1/2 of the uniform distribution."""
    kappa = 2.5

    def density(c: float) -> float:
        return kappa * math.exp(kappa * c) / (2 * math.sinh(kappa))

    expected, _ = integrate.quad(lambda c: density(c) * math.log(density(c) / 0.5), -1, 1)
    assert known.von_mises_fisher_kl(3, np.array(kappa)) == pytest.approx(expected, rel=1e-9)
    assert known.von_mises_fisher_kl(5, np.array(1e-6)) == pytest.approx(0, abs=1e-9)


def test_parts_of_a_perfect_code_are_those_of_its_aggregate_posterior() -> None:
    sizes, sigma = (3, 4, 6), 0.4
    grid = np.stack([known.standardised(size)[i] for size, i in zip(sizes, np.indices(sizes), strict=True)], -1)
    mu = torch.from_numpy(grid.reshape(-1, len(sizes)))
    logvar = torch.full_like(mu, 2 * math.log(sigma))
    found = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(20_000, seed=0)
    estimates = (found.mutual_information, found.total_correlation, found.dimwise_kl_sum)
    truth = known.parts_of(sizes, sigma)
    for expected, estimate in zip(truth.values(), estimates, strict=True):
        assert abs(float(estimate.value) - expected) < 4 * float(estimate.standard_error) + 1e-9
    assert sum(truth.values()) == pytest.approx(float(known.elementwise_kl(mu, logvar).sum(-1).mean()))


def test_information_is_all_of_a_factor_or_that_of_two_values() -> None:
    assert known.information(8, 0.01) == pytest.approx(math.log(8), rel=1e-9)

    def density(z: float) -> float:
        return math.exp(-0.5 * (z - 1) ** 2) / 2 + math.exp(-0.5 * (z + 1) ** 2) / 2

    expected, _ = integrate.quad(
        lambda z: -density(z) * (math.log(density(z)) - 0.5 * math.log(2 * math.pi)) / math.sqrt(2 * math.pi), -12, 12
    )
    assert known.information(2, 1.0) == pytest.approx(expected - 0.5 * math.log(2 * math.pi * math.e), rel=1e-9)


def test_mig_of_the_noisy_code_is_that_of_its_posteriors() -> None:
    mu, logvar, factors = known.noisy_posteriors()
    score = metrics.mig(metrics.Codes(mu, logvar), factors)
    assert score.low - 0.01 < known.LAWS["noisy code"].mig < score.high + 0.01
    assert known.LAWS["perfect code"].mig == pytest.approx(known.mig_of(known.SIZES, 0.01), rel=1e-6)


def test_correlated_points_have_the_total_correlation_of_their_covariance() -> None:
    of = known.correlated(0.5, 0.1)
    covariance = torch.from_numpy(np.cov(of.points.T))
    zero, alone = torch.zeros(10, dtype=torch.float64), covariance.diagonal().diag()
    expected = kl_divergence(MultivariateNormal(zero, covariance), MultivariateNormal(zero, alone))
    assert of.total_correlation == pytest.approx(float(expected), rel=1e-9)


def test_the_covariance_of_q_is_one() -> None:
    mu, logvar = known.of_unit_covariance()
    found = torch.cov(mu.double().T, correction=0) + logvar[0].double().exp().diag()
    torch.testing.assert_close(found, torch.eye(10).double(), atol=1e-6, rtol=0)


# --- Verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "right to 1e-15"),
        ({"value": 2 * (1 + 3e-7)}, "right to 1e-6"),
        ({"value": 0.4, "sizes": {"W": 5}}, "1/W of the truth"),
        ({"value": 2 / 15, "sizes": {"H": 3, "W": 5}}, "1/(H W) of the truth"),
        ({"value": 2 / 15}, "93 % below the truth"),
        ({"value": 96.0, "sizes": {"cells": 48}}, "cells times the truth"),
        ({"value": 1.0}, "half of the truth"),
        ({"value": 0.0}, "nothing of the truth"),
        ({"value": 2.2}, "10 % above the truth"),
        ({"value": -3.0}, "−5 nats"),
        ({"value": math.nan}, "not finite"),
        ({"truth": 0.0, "value": 4.86}, "+4.86 nats"),
        ({"truth": 0.0, "value": 5e-7}, "right to 1e-6"),
        ({"value": 2.1, "error": 0.05}, "right within 3 standard errors"),
        ({"value": 2.1, "error": 0.01}, "5 % above the truth"),
        ({"value": 3.0, "error": 0.1}, "+1 nats"),
        ({"value": 0.4, "truth": 0.0, "error": 0.1, "unit": ""}, "+0.4"),
    ],
)
def test_a_verdict_is_said_by_the_numbers(changes: dict[str, object], expected: str) -> None:
    assert verdict(replace(ROW, **changes)) == expected  # type: ignore[arg-type]


def test_a_sampled_value_is_a_mean_with_its_standard_error() -> None:
    assert sampled([1.0, 2.0, 3.0]) == {"value": 2.0, "error": pytest.approx(1 / math.sqrt(3))}


# --- Who is left out --------------------------------------------------------------------------------------------------


def add_peer(monkeypatch: pytest.MonkeyPatch, distribution: str | None, rows: object) -> None:
    module = SimpleNamespace(DISTRIBUTION=distribution, rows=rows)
    monkeypatch.setitem(sys.modules, "benchmarks.audit.peers.one", module)  # type: ignore[arg-type]


def test_what_is_not_installed_is_a_line_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    add_peer(monkeypatch, "no-such-project", lambda: pytest.fail("is asked all the same"))
    held = program.audit(["one"])
    assert held == {"versions": {}, "left out": ["not installed: no-such-project"], "rows": []}
    assert table(held).endswith("not installed: no-such-project")


def test_what_cannot_be_asked_is_a_line_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> list[Row]:
        raise ImportError("no wheel of it")

    add_peer(monkeypatch, "numpy", rows)
    (line,) = program.audit(["one"])["left out"]
    assert line == f"cannot be asked: numpy {version('numpy')}: ImportError: no wheel of it"


@pytest.mark.parametrize("name", program.PEERS)
def test_every_peer_is_a_line_or_rows_here(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed; what takes long, or needs it, is left to the program itself."""
    module: ModuleType = importlib.import_module(f"benchmarks.audit.peers.{name}")
    try:
        present = module.DISTRIBUTION is None or bool(version(module.DISTRIBUTION))
    except PackageNotFoundError:
        present = False
    if present:
        monkeypatch.setattr(module, "rows", lambda: [ROW])
    held = program.audit([name])
    assert (len(held["rows"]), len(held["left out"])) == ((1, 0) if present else (0, 1))


def test_every_file_of_peers_is_named() -> None:
    files = {path.stem for path in (ROOT / "benchmarks/audit/peers").glob("*.py")}
    assert files == set(program.PEERS)


# --- What is committed ------------------------------------------------------------------------------------------------


def committed() -> dict[str, object]:
    page = PAGE.read_text()
    target = page.partition("[audit.json](")[2].partition(")")[0]
    held: dict[str, object] = json.loads((PAGE.parent / target).read_text())
    return held


def test_the_page_has_the_committed_table() -> None:
    assert table(committed()) in PAGE.read_text()


def test_committed_verdicts_are_those_of_their_numbers() -> None:
    """Of peers and truths alike: the rows' own files say which axes there are."""
    held = committed()
    assert len(held["rows"]) > 8 and held["left out"] == []  # type: ignore[arg-type]
    for row in held["rows"]:  # type: ignore[attr-defined]
        again = Row(row["call"], row["quantity"], row["on"], row["value"], row["truth"], row["error"], row["unit"])
        assert row["verdict"] == verdict(replace(again, sizes=row["sizes"]))
        assert row["difference"] == again.difference and row["ratio"] == again.ratio


def test_numbers_of_the_words_are_the_committed_ones() -> None:
    """Each "value where truth" of the page's text, as the table shows it."""
    held, page = committed(), " ".join(PAGE.read_text().partition("\n| project")[0].split())
    shown = {(number(row["value"]), number(row["truth"])) for row in held["rows"]}  # type: ignore[attr-defined]
    told = [part.split(" in place of ") for part in page.split("**")[1::2] if " in place of " in part]
    assert told and {tuple(part) for part in told} <= shown
    right = [row for row in held["rows"] if row["verdict"].startswith("right")]  # type: ignore[attr-defined]
    assert f"Of {len(held['rows'])} rows {len(right)} are right" in page  # type: ignore[arg-type]
    assert all(f"{name} {held['versions'][name]}" in page for name in ("diffusers", "disent", "pythae", "latentverse"))  # type: ignore[index]
