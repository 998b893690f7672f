"""Robustness in words: whatever is found, sentences are whole and name all of it."""

import dataclasses
import itertools
import re

import pytest

from pyvae.report.robustness import BOUGHT, Ends, Finding, Robustness
from pyvae.report.statistics import Interval
from pyvae.report.verdict import interval_note, latents_in_use, reading_of, readings_sentence, verdict_sentence

NOTHING = Interval(0.0, 0.1, 3)
ROW = Robustness(
    4.0, NOTHING, NOTHING, NOTHING, 2, (0.0, 2.0), NOTHING, NOTHING, NOTHING, Ends(9.0, 6.04), Ends(8.0, 7.5)
)


def test_every_set_of_findings_has_a_sentence_that_names_all_of_it() -> None:
    for size in range(1, len(Finding) + 1):
        for chosen in itertools.combinations(Finding, size):
            named = {finding: f"β = {2 + k}" for k, finding in enumerate(chosen)}
            said = verdict_sentence(named, 1.0, "as the bias grows")
            assert re.match(r"(Yes|Yes, in part|Not shown|No): as the bias grows, .+\.$", said)
            assert all(said.count(name) == 1 for name in named.values()) and len(said.split("; ")) == size
            assert said.startswith("Yes") == any(finding in BOUGHT for finding in chosen)


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding.BOUGHT, "Yes: as μ grows, the recovered share holds up better than at β = 1, and is at most 0.05 low"),
        (Finding.THINNED, "with fewer latents in use (partly collapsed), for β = 2"),
        (Finding.LEVEL_OPEN, "Not shown: as μ grows, the recovered share holds up better than at β = 1, but whether "),
        (Finding.UNKNOWN, "there is no interval, since seeds do not differ"),
    ],
)  # fmt: skip
def test_words_of_a_finding(finding: Finding, words: str) -> None:
    assert words in verdict_sentence({finding: "β = 2"}, 1.0, "as μ grows")


def test_one_seed_reads_better_worse_or_alike() -> None:
    assert [reading_of(Interval(mean, float("nan"), 1)) for mean in (0.1, 0.0, -0.1)] == ["better", "alike", "worse"]
    said = readings_sentence({"better": "β = 2", "alike": "β = 4"}, 1.0, "as μ grows")
    assert said.endswith("reads as holding up better for β = 2; alike for β = 4, beside β = 1.")


def test_latents_in_use_are_told_at_both_ends() -> None:
    said = latents_in_use(ROW, 1.0, "μ =")
    assert said == "9.0 and 6.0 latents in use at μ = 0 and μ = 2, beside 8.0 and 7.5 at β = 1"
    one = latents_in_use(dataclasses.replace(ROW, shared=(0.5,)), 1.0, "strength")
    assert one == "9.0 latents in use at strength 0.5, beside 8.0 at β = 1"


def test_the_note_tells_which_intervals_a_verdict_rests_on() -> None:
    assert "no interval is available" in interval_note(1, 3)
    assert "98.3 %, so that all 3 of its comparisons hold at once" in interval_note(3, 3)
    for comparisons in (0, 1):
        assert "95 % t interval over 3 seeds" in interval_note(3, comparisons)
        assert "comparisons" not in interval_note(3, comparisons)
