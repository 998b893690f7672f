"""The table of docs/posteriors.md is that of the committed results, and each case of the benchmark runs."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import posterior

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results/amd-epyc-family-25-model-1-avx2-2-threads/posterior.json"


def test_the_page_shows_the_committed_results() -> None:
    page = (ROOT / "docs/posteriors.md").read_text()
    assert posterior.table(json.loads(RESULTS.read_text())["rows"]) in page
    assert RESULTS.relative_to(ROOT).as_posix() in page


@pytest.mark.parametrize("case", [case for case in posterior.CASES if case.shape[0] * case.shape[1] < 10**5], ids=str)
def test_providers_agree_on_what_no_noise_is_in(case: posterior.Case) -> None:
    moments = case.moments()
    kl = posterior.ours(case, moments)[1]
    torch.testing.assert_close(kl, posterior.widened(case, moments)[1], rtol=1e-5, atol=1e-4)
    assert {tuple(g.shape) for g in posterior.steps_of(case)["pyvae"]()} == {tuple(m.shape) for m in moments}
