"""What the benchmark of collapse reads off curves whose answer is known, and the best VAE of a block."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import collapse
from benchmarks.collapse import IN_USE, NAME, PROTOCOL, collapse_points, measured
from benchmarks.collapse_ladders import InNoise, Ladder, mean_intensity, trained_kl
from benchmarks.one_block import NOISE, PIXELS, OneBlock
from pyvae.data import BlockGrid
from pyvae.studies.biased_grid.theory import collapse_boundary

ROOT = Path(__file__).parents[2]
BETAS = [2.0 * 1.01**k for k in range(30)]
KNOWN = np.array([2.2, 2.4])


def test_curves_of_linear_theory_give_its_boundaries() -> None:
    kl = np.maximum(0, np.log(KNOWN / np.array(BETAS)[:, None]) / 2)
    assert collapse_points(BETAS, kl) == pytest.approx(KNOWN, rel=1e-3)
    # What critical slowing down leaves next to the boundary does not move it.
    assert collapse_points(BETAS, np.maximum(kl, 0.008)) == pytest.approx(KNOWN, rel=1e-3)


def test_a_jump_is_found_to_a_rung_and_what_is_never_seen_to_collapse_is_not() -> None:
    in_use = np.array(BETAS) < 2.3
    kl = np.stack([np.where(in_use, 0.05, 0.0), np.full(30, 0.1), np.zeros(30)], -1)
    jump, never, always = collapse_points(BETAS, kl)
    assert 2.3 / 1.01 <= jump <= 2.3 * 1.01 * math.exp(2 * IN_USE)
    assert math.isnan(never) and math.isnan(always)


@pytest.mark.parametrize("mu", [0.0, 2.0])
def test_images_in_noise_have_the_variance_that_theory_asks_for(mu) -> None:
    means = InNoise(BlockGrid(pixels=1, noise_variance=NOISE / PIXELS), NOISE / PIXELS, mean_intensity)
    drawn = means.draw(20_000, {name: torch.tensor([k]) for k, name in enumerate(means.streams)}, [mu]).images[0]
    assert drawn.mean().abs() < 0.05 and drawn.var(0).mean() == pytest.approx(collapse_boundary(mu), rel=0.02)


def test_the_best_vae_of_a_symmetric_block_follows_linear_theory() -> None:
    block = OneBlock(0.0)
    assert block.collapse == pytest.approx(collapse_boundary(0.0), rel=1e-3)
    found = block.solve(0.95, *block.start())
    assert found.kl == pytest.approx(-math.log(0.95) / 2, rel=0.03) and found.gain < 0


def test_a_skewed_block_stays_in_use_beyond_the_boundary_of_linear_theory() -> None:
    block = OneBlock(2.0)
    found = block.solve(1.05, *block.start())
    assert found.kl == pytest.approx(0.045, rel=0.05) and found.gain < 0


MEANS = InNoise(BlockGrid(pixels=1, noise_variance=NOISE / PIXELS), NOISE / PIXELS, mean_intensity)
SMALL = {"steps": 40, "learning_rate": 2e-3, "batch_size": 16}


def small(rungs=(6.0, 7.0, 8.0, 9.0, 10.0)) -> Ladder:
    return Ladder("small", MEANS, 9, (), {0.0: rungs}, lambda mu: [collapse_boundary(mu)] * 9)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_kl_does_not_depend_on_threads_or_on_what_is_trained_beside_it(threads) -> None:
    found = []
    for count in (1, 2, 3):
        threads(count)
        found.append(trained_kl(small().recipe(0.0, 1, **SMALL)))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert np.array_equal(trained_kl(small((7.0,)).recipe(0.0, 1, **SMALL)), found[0][1:2])
    assert not np.isclose(trained_kl(small((7.0,)).recipe(0.0, 2, **SMALL)), found[0][1:2]).any()


def test_seeds_are_read_each_for_itself_and_their_mean_has_an_interval() -> None:
    ladder = Ladder("known", MEANS, 2, (), {0.0: tuple(BETAS)}, lambda mu: [2.3, 2.3])
    log_betas = np.log(np.array(BETAS))[:, None]
    kl = {str(seed): np.maximum(0, np.log(KNOWN + 0.02 * seed) - log_betas) / 2 for seed in range(3)}
    found = measured(ladder, 0.0, kl)
    assert found["collapse"]["2"] == pytest.approx((KNOWN + 0.04).tolist(), rel=1e-3)
    mean = found["mean_over_predicted"]
    # Means of the two latents are 1 and 0.02 / 2.3 apart; t of two degrees of freedom is 4.303.
    assert mean["mean"] == pytest.approx(1 + 0.02 / 2.3, rel=1e-3)
    assert mean["half"] == pytest.approx(4.303 * 0.02 / 2.3 / math.sqrt(3), rel=0.05)
    assert mean["seeds"] == 3 and mean["latents"] == [2, 2, 2]


def test_latents_that_do_not_collapse_are_counted_out_and_one_seed_has_no_interval() -> None:
    ladder = Ladder("known", MEANS, 2, (), {0.0: tuple(BETAS)}, lambda mu: [2.2, 2.2])
    kl = np.stack([np.full(30, 0.1), np.maximum(0, np.log(2.2 / np.array(BETAS)) / 2)], -1)
    found = measured(ladder, 0.0, {"0": kl})
    assert found["over_predicted"]["0"][0] is None
    mean = found["mean_over_predicted"]
    assert mean["mean"] == pytest.approx(1, rel=1e-3)
    assert (mean["half"], mean["seeds"], mean["latents"]) == (None, 1, [1])
    nothing = measured(ladder, 0.0, {"0": np.full((30, 2), 0.1)})["mean_over_predicted"]
    assert nothing == {"mean": None, "half": None, "seeds": 0, "latents": [0]}


def call(monkeypatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["collapse", "--only", "small", "--batch-size", "16", *words])
    collapse.main()


def test_a_run_goes_on_with_more_seeds_and_refuses_results_of_other_settings(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(collapse, "ladders", lambda: [small()])
    monkeypatch.setattr(collapse, "AT_ONCE", 2)
    grown, whole = tmp_path / "grown", tmp_path / "whole"
    call(monkeypatch, "--steps", "40", "--seeds", "1", "--out", str(grown))
    first = json.loads((grown / NAME).read_text())["ladders"]["small"]["0"]["kl"]["0"]
    call(monkeypatch, "--steps", "40", "--seeds", "2", "--out", str(grown))
    monkeypatch.setattr(collapse, "AT_ONCE", 8)
    call(monkeypatch, "--steps", "40", "--seeds", "2", "--out", str(whole))
    held = [json.loads((folder / NAME).read_text()) for folder in (grown, whole)]
    assert held[0]["ladders"] == held[1]["ladders"] and held[0]["protocol"] == PROTOCOL
    assert held[0]["ladders"]["small"]["0"]["kl"]["0"] == first
    assert "small, mu 0, seed 1: latents collapse at" in capsys.readouterr().out
    before = (grown / NAME).read_bytes()
    with pytest.raises(SystemExit, match=r"has \{'steps': 40\}, not \{'steps': 80\}"):
        call(monkeypatch, "--steps", "80", "--out", str(grown))
    assert (grown / NAME).read_bytes() == before


def test_results_of_the_earlier_protocol_are_not_gone_on_with(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(collapse, "ladders", lambda: [small()])
    (tmp_path / NAME).write_text('{"steps": 8000, "learning_rate": 0.002, "batch_size": 16, "ladders": {}}')
    with pytest.raises(SystemExit, match=r"has \{'protocol': None\}, not \{'protocol': 2\}"):
        call(monkeypatch, "--out", str(tmp_path))


def test_the_page_has_the_numbers_of_its_file() -> None:
    page = (ROOT / "docs" / "collapse.md").read_text()
    (linked,) = re.findall(r"\]\((\S*collapse\w*\.json)\)", page)
    held = json.loads((ROOT / "docs" / linked).read_text())
    names = {
        "means, linear VAE": "means linear",
        "means, MLP": "means mlp",
        "means, MLP, four times the batch": "means mlp four batches",
    }
    for row, name in names.items():
        (cells,) = re.findall(rf"^\| {row} \| (.*) \| (.*) \| (.*) \|$", page, re.MULTILINE)
        for mu, cell in zip("012", cells, strict=True):
            ratios = held["ladders"][name][mu]["over_predicted"]
            told = [np.mean(ratios), min(ratios), max(ratios)]
            assert [float(word) for word in re.findall(r"[\d.]+", cell)] == pytest.approx(told, abs=6e-4), (name, mu)
    (cells,) = re.findall(r"^\| the best VAE of a block.*? \| (.*) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    best = [held["best_block"][mu]["equal"] for mu in "012"]
    assert [float(cell) for cell in cells] == pytest.approx(best, abs=6e-4)
    assert held["protocol"] == 1 and held["seeds"] == [0]
