"""benchmarks/last_batch.py and perfect_code.py do what they say, and docs/ops.md shows their committed figures."""

import json
import re
from pathlib import Path

import pytest
import torch

import pyvae

pytest.importorskip("sklearn", reason="needs scikit-learn, the extra 'data'")

from benchmarks import last_batch, perfect_code

ROOT = Path(__file__).parents[2]


def test_ways_of_an_epoch_take_each_row_at_most_once_and_differ_in_the_last_batch() -> None:
    order = torch.rand(2, 133).argsort(-1)
    lengths = {way: [part.shape[1] for part in last_batch.batches(order, 64, way)] for way in last_batch.WAYS}
    assert lengths == {"drop_last": [64, 64], "kept": [64, 64, 5], "weighted": [64, 64, 5], "even": [45, 44, 44]}
    for way in last_batch.WAYS:
        rows = torch.cat(last_batch.batches(order, 64, way), -1)
        assert all(len(row.unique()) == len(row) for row in rows)
    assert [part.shape[1] for part in last_batch.batches(order[:, :128], 64, "kept")] == [64, 64]
    assert [part.shape[1] for part in last_batch.batches(order[:, :128], 64, "drop_last")] == [64, 64]


def test_a_pair_is_a_difference_of_models_of_one_seed() -> None:
    common = {"data": "digits", "objective": "mss", "batch_size": 64, "epoch": 1, "when": "after"}
    held = {"drop_last": (3.0, 2.0), "kept": (2.0, 1.5), "weighted": (3.0, 2.5), "even": (3.0, 2.0)}
    rows = [
        common | {"way": way, "seed": seed, "mutual_information": value}
        for way, values in held.items()
        for seed, value in enumerate(values)
    ]
    found = {row["way"]: (row["difference"], row["lower"], row["of"]) for row in last_batch.pairs(rows)}
    assert found == {"kept": (-0.75, 2, 2), "weighted": (0.25, 0, 2), "even": (0.0, 0, 2)}


def test_estimates_of_collapsed_posteriors_have_no_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_batch, "ROWS_SEEN", 1000)
    zeros = torch.zeros(300, 3)
    truth = last_batch.exact(zeros, zeros, 500)
    rows = [row for row in last_batch.estimates(zeros, zeros, truth) if row["estimator"] != "mws"]
    assert {row["M"] for row in rows} == {2, 5, 16, 64, 256}
    assert max(abs(float(row["bias"])) for row in rows) < 1e-4


def test_a_perfect_code_has_standardised_latents_and_no_total_correlation() -> None:
    mu, logvar = perfect_code.perfect_code()
    assert mu.shape == logvar.shape == (737_280, 10)
    torch.testing.assert_close(mu.mean(0), torch.zeros(10), atol=1e-5, rtol=0)
    torch.testing.assert_close(mu.std(0), torch.tensor([1.0] * 5 + [0.0] * 5), atol=1e-4, rtol=0)
    correlation = pyvae.aggregate_posterior(mu, logvar).total_correlation(50, seed=0)
    assert abs(float(correlation.value)) < 1e-4
    row = perfect_code.row_of("mss", 64, 20, (mu, logvar))
    assert row["total_correlation"] == pytest.approx(-3.63, abs=0.3)


def section() -> str:
    _, _, text = (ROOT / "docs/ops.md").read_text().partition("\n## A last batch of few rows\n")
    return text.partition("\n## ")[0]


def committed(name: str) -> dict[str, object]:
    (target,) = re.findall(rf"\[{name}\]\(([^)]+)\)", section())
    held: dict[str, object] = json.loads((ROOT / "docs" / target).read_text())
    return held


def test_the_table_of_biases_is_the_committed_one() -> None:
    expected = []
    for held in committed("last_batch.json")["bias"]:
        exact = [held["exact"][name]["value"] for name in last_batch.QUANTITIES]
        expected.append((held["data"], "all", *(f"{value:.2f}" for value in exact)))
        for size in sorted({row["M"] for row in held["rows"]}):
            of = {row["quantity"]: row for row in held["rows"] if (row["M"], row["estimator"]) == (size, "mss")}
            biases = [of[name]["bias"] for name in last_batch.QUANTITIES]
            expected.append((held["data"], str(size), *(f"{bias:+.2f}" for bias in biases)))
    number = r" ([+-]?\d+\.\d\d) \|"
    shown = re.findall(rf"^\| (digits|sprites) \| (all|\d+) \|{number * 3}$", section(), re.MULTILINE)
    assert shown == expected


def test_the_table_of_pairs_is_the_committed_one() -> None:
    rows = committed("last_batch.json")["pairs"]
    expected = []
    for key in dict.fromkeys((row["data"], row["objective"], row["batch_size"], row["epoch"]) for row in rows):
        of = {r["way"]: r for r in rows if (r["data"], r["objective"], r["batch_size"], r["epoch"]) == key}
        cells = [f"{of[way]['difference']:+.2f} ± {of[way]['error']:.2f}" for way in last_batch.WAYS[1:]]
        expected.append((*map(str, key), f"{of['kept']['drop_last']:.2f}", *cells))
    pattern = (
        r"^\| (digits|sprites), (\w+) \| (\d+) \| (\d+) \| (\d\.\d\d) \|" + r" ([+-]\d\.\d\d ± \d\.\d\d) \|" * 3 + "$"
    )
    assert re.findall(pattern, section(), re.MULTILINE) == expected


def test_what_the_text_says_of_the_pairs_is_so() -> None:
    held, text = committed("last_batch.json"), " ".join(section().split())
    kept = [row for row in held["pairs"] if row["way"] == "kept"]
    lines = [row for row in kept if row["objective"] != "vae"]
    all_lower = [row for row in lines if row["lower"] == row["of"] == 5]
    others = [row for row in lines if row not in all_lower]
    assert {(row["data"], row["batch_size"]) for row in others} == {("digits", 64)}
    assert {row["epoch"] for row in others} == {10, 20} and len(others) == 4
    lost = sorted(-row["difference"] for row in all_lower)
    assert f"{lost[0]:.2f} to {lost[-1]:.2f} nats, in all five seeds of {len(all_lower)} of {len(lines)} lines" in text
    vae = max(abs(row["difference"]) for row in kept if row["objective"] == "vae")
    assert f"is within {vae:.2f} nats" in text
    chosen = {"data": "digits", "objective": "mss", "batch_size": 64, "way": "kept", "epoch": 80}
    models = [row for row in held["models"] if chosen.items() <= row.items()]
    before, after = (
        sum(row["mutual_information"] for row in models if row["when"] == when) / 5 for when in ("before", "after")
    )
    assert f"hold {before:.2f} nats (digits, `mss`, 64, epoch 80), after it {after:.2f}." in text
    (bias,) = (
        row["bias"] for row in held["bias"][0]["rows"]
        if (row["M"], row["estimator"], row["quantity"]) == (64, "mss", "mutual_information")
    )  # fmt: skip
    assert f"mutual information {bias:.2f} nats too large" in text
    for data in held["bias"]:
        of = {(row["M"], row["quantity"], row["estimator"]): row["bias"] for row in data["rows"]}
        assert max(abs(of[m, q, "mss"] - of[m, q, "balanced"]) for m, q, _ in of) < 0.005
