"""benchmarks/estimator_truth.py gives known answers, and docs/aggregate-posterior.md shows its committed figures."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import estimator_peers, estimator_truth, perfect_code
from benchmarks.estimators import minibatches
from pyvae.plotting.numbers import decimals

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/aggregate-posterior.md"
M, N, D = 5, 40, 3


def minibatch() -> tuple[Tensor, Tensor, Tensor]:
    """z, mu and logvar [M, D] of posteriors that overlap."""
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(3, M, D, generator=generator).double().unbind())  # type: ignore[return-value]


def test_of_separated_posteriors_each_estimator_sees_its_own_weight_alone() -> None:
    """log q(z_i) = log q(z_i|x_i) + log w_ii: MI = −log w_ii and TC = (D − 1) (−log w_ii), whatever the codes."""
    mu = 1e3 * torch.arange(M).double().unsqueeze(-1).expand(M, D).contiguous()
    found = estimator_truth.copied_decomposition(mu, mu, torch.zeros_like(mu), N)
    own = torch.full((M,), math.log(M - 1), dtype=torch.float64)
    own[0] = math.log(N)
    own[1] = math.log(N * (M - 1) / (N - M + 1))
    torch.testing.assert_close(found[0], own)
    torch.testing.assert_close(found[1], (D - 1) * own)
    mss = estimator_truth.decomposition("mss", mu, mu, torch.zeros_like(mu), N)
    torch.testing.assert_close(mss[:2], torch.tensor([1, D - 1]).double() * math.log(N))


def test_the_copied_weights_are_those_of_the_whole_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    z, mu, logvar = minibatch()
    monkeypatch.setattr(perfect_code, "N", N)
    expected = perfect_code.copied_total_correlation(z, mu, logvar)
    torch.testing.assert_close(estimator_truth.copied_decomposition(z, mu, logvar, N)[1], expected)


def test_rows_of_the_copied_weights_add_up_to_one_but_for_the_last_but_one() -> None:
    """Of posteriors that are all the same the density is theirs, times the row's sum."""
    zeros = torch.zeros(M, D).double()
    found, _ = estimator_truth.copied_log_densities(zeros, zeros, zeros, N)
    sums = torch.ones(M).double()
    sums[M - 2] = (M - 2) / (M - 1) + 2 * (N - M + 1) / (N * (M - 1))
    torch.testing.assert_close(found, sums.log() - D / 2 * math.log(2 * math.pi))


def test_the_three_parts_add_up_to_the_same_whatever_the_estimator() -> None:
    z, mu, logvar = minibatch()
    sums = [estimator_truth.decomposition(name, z, mu, logvar, N).sum() for name in estimator_truth.LOOKS]
    torch.testing.assert_close(torch.stack(sums), sums[0].expand(len(sums)))


def test_offsets_are_what_is_left_of_collapsed_posteriors() -> None:
    """Whose three quantities are all 0."""
    codes = torch.zeros(100, estimator_truth.LATENTS)
    for size in (32, 64):
        for estimator, values in estimator_truth.estimates(codes, codes, size).items():
            expected = [
                estimator_truth.offset(estimator, name, size) * math.log(100) / math.log(estimator_truth.N)
                for name in estimator_truth.QUANTITIES
            ]
            # A row of the copied weights does not add up to 1.
            tolerance = 2 / size if estimator == perfect_code.COPIED else 1e-4
            torch.testing.assert_close(values.mean(0), torch.tensor(expected).double(), atol=tolerance, rtol=1e-6)


def test_peers_get_the_first_minibatches_and_their_values_find_their_place() -> None:
    """A peer that computes mws gets its twin's values, and what it lacks is left out."""
    generator = torch.Generator().manual_seed(1)
    mu, logvar = torch.randn(2, 80, estimator_truth.LATENTS, generator=generator)
    found = {("a model, beta 1", 32): estimator_truth.estimates(mu, logvar, 32)}
    cases = estimator_truth.peer_cases({"a model, beta 1": (mu, logvar)}, [32])
    rows, z = next(minibatches(mu, logvar, 32, 1))
    assert torch.equal(torch.from_numpy(cases["a model, beta 1/32/z"][0]), z)
    assert torch.equal(torch.from_numpy(cases["a model, beta 1/32/mu"][0]), mu[rows])

    def values(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int) -> dict[str, float]:
        assert dataset_size == estimator_truth.N
        return {"total_correlation": float(estimator_truth.decomposition("mws", z, mu, logvar, 80)[1])}

    peer = estimator_peers.Peer("pythae, use_mss=False", "pythae", "a function", values)
    codes = {name: torch.from_numpy(array) for name, array in cases.items() if name != "dataset_size"}
    answer = {"name": peer.name, "rows": estimator_peers.rows_of(peer, codes, int(cases["dataset_size"]))}
    estimator_truth.add_peers(found, [answer])
    assert estimator_truth.twin_difference(found, peer.name) == 0
    shown = [row for row in estimator_truth.rows_of(found) if row["estimator"] == peer.name]
    assert [(row["quantity"], row["repeats"]) for row in shown] == [("total_correlation", 50)]


# --- The committed figures --------------------------------------------------------------------------------------------


def section() -> str:
    _, _, text = PAGE.read_text().partition("\n## On trained models\n")
    return text.partition("\n## ")[0]


def committed() -> dict[str, Any]:
    (target,) = re.findall(r"\[estimator_truth\.json\]\(([^)]+)\)", section())
    held: dict[str, Any] = json.loads((PAGE.parent / target).read_text())
    return held


def test_the_table_of_the_page_is_the_committed_one() -> None:
    assert estimator_truth.table(committed()) in section()


def biases(held: dict[str, Any], estimator: str, quantity: str, size: int) -> list[float]:
    """Of each model, without what the normalisation adds."""
    return [
        row["value"] - row["offset"] - held["exact"][row["model"]][quantity]["value"]
        for row in held["rows"]
        if (row["estimator"], row["quantity"], row["M"]) == (estimator, quantity, size)
    ]


def test_what_the_text_says_is_so() -> None:
    held, text = committed(), " ".join(section().split())
    exact = [of["total_correlation"]["value"] for of in held["exact"].values()]
    off = {
        size: [
            abs(bias)
            for estimator in estimator_truth.LOOKS
            for bias in biases(held, estimator, "total_correlation", size)
        ]
        for size in (64, 1024)
    }
    assert f"every total correlation is {min(off[64]):.1f} to {max(off[64]):.1f} nats off" in text
    assert f"exact values of {min(exact):.2f} to {max(exact):.2f}, and still {min(off[1024]):.1f} at M" in text
    assert f"{max(off[1024]):.1f}" == f"{min(off[1024]):.1f}"
    for size in (64, 1024):
        for estimator, side in (("mss", 1), (perfect_code.COPIED, -1)):
            assert all(side * bias > 0 for bias in biases(held, estimator, "mutual_information", size))
            assert all(side * bias < 0 for bias in biases(held, estimator, "total_correlation", size))
    reported = [r for r in held["rows"] if (r["estimator"], r["quantity"]) == ("mss", "total_correlation")]
    assert all(row["value"] < 0 for row in reported if row["M"] == 64)


def test_what_the_text_says_of_estimators_that_are_alike_is_so() -> None:
    held, text = committed(), " ".join(section().split())
    sizes = sorted({row["M"] for row in held["rows"]})
    for quantity in estimator_truth.QUANTITIES:
        pairs = [
            (biases(held, "mss", quantity, size), biases(held, "balanced", quantity, size), 1e-3) for size in sizes
        ]
        pairs.append((biases(held, "mws", quantity, 64), biases(held, perfect_code.COPIED, quantity, 64), 0.05))
        assert all(abs(a - b) < most for left, right, most in pairs for a, b in zip(left, right, strict=True))
    for row in (row for row in held["rows"] if row["M"] == held["N"]):
        of = held["exact"][row["model"]][row["quantity"]]
        error = math.hypot(row["error"], of["error"])
        assert abs(row["value"] - row["offset"] - of["value"]) < 3 * error
    assert held["peers"]["failed"] == {}
    assert all(peer["largest_difference"] < 2e-5 for peer in held["peers"]["called"])
    for peer in held["peers"]["called"]:
        assert f"{peer['name'].partition(',')[0]} {peer['version']}" in text
    of_disent = {row["M"]: row["offset"] for row in held["rows"] if row["estimator"] == "disent"}
    for size in (64, 1024):
        assert f"{decimals(of_disent[size], 1)} " in text
