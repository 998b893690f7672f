"""The table of docs/posteriors.md is that of the committed results, and each case of the benchmark runs."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import posterior

ROOT = Path(__file__).parents[2]
MACHINES = ("amd-epyc-family-25-model-1-avx2-2-threads", "amd-epyc-family-25-model-17-avx512-2-threads")


@pytest.mark.parametrize("machine", MACHINES)
def test_the_page_shows_the_committed_results(machine: str) -> None:
    page, results = (ROOT / "docs/posteriors.md").read_text(), ROOT / f"benchmarks/results/{machine}/posterior.json"
    assert posterior.table(json.loads(results.read_text())["rows"]).strip() in page
    assert results.relative_to(ROOT).as_posix() in page


@pytest.mark.parametrize("case", [case for case in posterior.CASES if case.shape[0] * case.shape[1] < 10**5], ids=str)
def test_providers_agree_on_what_no_noise_is_in(case: posterior.Case) -> None:
    moments = case.moments()
    kl = posterior.ours(case, moments)[1]
    torch.testing.assert_close(kl, posterior.widened(case, moments)[1], rtol=1e-5, atol=1e-4)
    assert {tuple(g.shape) for g in posterior.steps_of(case)["pyvae"]()} == {tuple(m.shape) for m in moments}
