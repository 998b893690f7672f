"""All scores as one table: what is measured, what refuses, and what the table holds."""

import json
from typing import NamedTuple

import numpy as np
import pytest

from pyvae.metrics import METRICS, Codes, Evaluation, Measured, Metric, evaluate, mig, udr
from pyvae.metrics.evaluate import metrics_among, outcome_of
from tests.metrics import known

FEW = ["mig", "active_latents", "gaussian_total_correlation"]


class Two(NamedTuple):
    first: Measured
    second: Measured


def two(codes: Codes, factors: object) -> Two:
    return Two(Measured(0.1, 0.0, 0.2, 1.0, {"list": (1, 2)}), Measured(0.3, 0.2, 0.4, float("inf")))


def test_scores_are_those_of_the_functions_and_a_refusal_stops_no_other() -> None:
    codes = known.CODES["noisy"]
    found = evaluate(codes, known.factors(), metrics=FEW, seed=3)
    assert list(found) == ["mig", "gaussian_total_correlation"]
    assert found["mig"] == mig(codes, known.factors(), seed=3)
    assert found.refused == {"active_latents": "codes must have a logvar for this metric: pass Codes(mu, logvar)"}


def test_the_table_has_a_row_for_each_score_and_each_refusal() -> None:
    found = evaluate(known.CODES["noisy"], known.factors(), metrics=FEW)
    rows = found.to_table().to_pylist()
    assert [row["metric"] for row in rows] == FEW and json.loads(json.dumps(found.to_dict())) == found.to_dict()
    assert rows[0]["value"] == found["mig"].value and json.loads(rows[0]["settings"])["seed"] == 0
    assert rows[0]["reason"] is None and rows[0]["seconds"] > 0
    assert rows[1]["value"] is None and rows[1]["settings"] is None and "logvar" in rows[1]["reason"]
    lines = str(found).splitlines()
    assert f"{found['mig'].value:.3f}" in next(line for line in lines if line.lstrip().startswith("mig "))


def test_with_posteriors_active_latents_is_measured() -> None:
    mu = known.CODES["noisy"]
    assert evaluate(Codes(mu, np.full_like(mu, -4.0)), metrics=["active_latents"])["active_latents"].value == 5


def test_without_factors_only_what_needs_none_is_measured() -> None:
    found = evaluate(known.CODES["noisy"][:50])
    assert "gaussian_total_correlation" in found and not {"mig", "irs"} & {*found, *found.refused}
    assert evaluate(np.eye(4), metrics=["mig"]).refused == {"mig": "factors must be given for mig, got None."}


def test_several_scores_of_one_metric_are_rows_by_their_fields() -> None:
    found = metrics_among({"two": two, "udr": udr, "mig": mig, "helper": known.grid}, slow=["two"])
    assert list(found) == ["two", "mig"] and found["two"].is_slow and not found["mig"].is_slow
    rows = outcome_of(found["two"], Codes(np.eye(3)), known.factors(), protocol="paper", seed=0).rows("two")
    assert [row["metric"] for row in rows] == ["two_first", "two_second"]
    assert rows[1]["value"] == 0.3 and rows[1]["ceiling"] is None
    assert json.loads(rows[0]["settings"]) == {"list": [1, 2]}


def test_the_registry_has_scores_of_one_model_only() -> None:
    assert "udr" not in METRICS and "evaluate" not in METRICS and isinstance(METRICS["mig"], Metric)
    assert METRICS["mig"].needs_factors and not METRICS["active_latents"].needs_factors


@pytest.mark.parametrize(
    ("settings", "kind", "sentence"),
    [
        ({"metrics": ["mig", "magic"]}, ValueError, r"^metrics must be among .*mig.*, got 'magic'\.$"),
        ({"metrics": "mig"}, TypeError, r"^metrics must be a list of names, got the string 'mig'\.$"),
        ({"protocol": "mine"}, ValueError, r"^protocol must be one of paper, disentanglement_lib, got 'mine'\.$"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(settings, kind, sentence) -> None:
    with pytest.raises(kind, match=sentence):
        evaluate(np.eye(4), [0, 1, 0, 1], **settings)


SHORT, HOLED = known.CODES["noisy"][:400], np.where(np.arange(4000)[:, None] == 7, np.nan, known.CODES["noisy"])


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        ((SHORT, known.factors()), ValueError, r"^factors must have a row for each of the 400 codes, got 4000\.$"),
        (
            (known.grid().T, known.factors()),
            ValueError,
            r"^factors must have a row for each of the 5 codes, got 4000\.",
        ),
        ((HOLED, known.factors()), ValueError, r"^codes must be finite, got a NaN or an infinity in row 7\.$"),
        ((known.factors().labels, known.grid()), TypeError, r"^codes must be float32, .* got int64\.$"),
        ((Codes(HOLED, np.zeros_like(HOLED)),), ValueError, r"^mu must be finite"),
    ],
)
def test_what_no_metric_could_take_is_refused_at_once(given, kind, sentence) -> None:
    with pytest.raises(kind, match=sentence):
        evaluate(*given, metrics=FEW)


@pytest.mark.parametrize(("seed", "kind"), [(-1, ValueError), (None, TypeError), (0.5, TypeError)])
def test_a_seed_that_is_none_is_one_sentence(seed, kind) -> None:
    with pytest.raises(kind, match=r"^seed must be .*\.$"):
        evaluate(np.eye(4), [0, 1, 0, 1], seed=seed)
    if seed is not None:
        with pytest.raises(kind, match=r"^seed must be .*\.$"):
            mig(np.eye(4), [0, 1, 0, 1], seed=seed)


def test_a_score_that_is_not_there_says_why() -> None:
    found = evaluate(
        known.CODES["noisy"][:300], known.factors().take(np.arange(300)), metrics=["active_latents", "irs"]
    )
    with pytest.raises(KeyError, match="'active_latents' was refused: codes must have a logvar for this metric"):
        found["active_latents"]
    with pytest.raises(KeyError, match="'mig' was not measured; there are irs"):
        found["mig"]
    assert found.get("mig") is None and "active_latents" not in found
    several = Evaluation(
        {"two": outcome_of(Metric("two", two), Codes(np.eye(3)), known.factors(), protocol="paper", seed=0)}
    )
    with pytest.raises(KeyError, match="'two' has several scores: two_first, two_second"):
        several["two"]
