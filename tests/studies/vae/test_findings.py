"""Sentences follow from results: tables made up, where the answer is known."""

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pytest

from pyvae.metrics.evaluate import COLUMNS
from pyvae.studies.vae.evaluate import OF_CODES, OF_DECODER
from pyvae.studies.vae.findings import candidates, findings
from pyvae.studies.vae.results import Results
from tests.studies.vae.tiny import TINY

SHAPE = (3, 4)  # strengths and seeds
NOISE = 0.01 * np.random.default_rng(0).normal(size=SHAPE)


def made_up(seeds: int = 4, strengths: int = 3, *, lost=lambda strength, seed: False, **columns) -> Results:
    """Each column's means by strength; those that are not named have one for all strengths."""
    config = TINY.replaced(strengths=(1.0, 4.0, 16.0)[:strengths], seeds=tuple(range(seeds)))
    rows, numbers = [], (*OF_DECODER, *OF_CODES, "mig", "linear_r2")
    for s in range(seeds):
        for i, strength in enumerate(config.axes.strengths):
            values = {name: float(columns.get(name, (2.0,) * 3)[i] + NOISE[i, s]) for name in numbers}
            finite = not lost(strength, s)
            coordinates = {"beta": strength, "seed": s, "steps": 40, "best_step": 40, "finite": finite}
            rows.append({**coordinates, **(values if finite else dict.fromkeys(numbers))})
    scores = pa.table({name: pa.array([None], kind) for name, kind in COLUMNS.items()})
    return Results(config, pa.Table.from_pylist(rows), scores, curves(config))


def curves(config, points: int = 20, late: float = 0.0) -> pa.Table:
    """Of every model one that falls from 100 to 0 and stays, or has `late` of the whole fall in its last quarter."""
    falls = np.linspace(100, 0, points // 2) if points > 1 else np.array([100.0])
    values = [*falls, *np.zeros(points - len(falls))]
    before = points - points // 4
    values = [value + 100 * late / (1 - late) * (step < before) for step, value in enumerate(values)]
    rows = [
        {"beta": cell.strength, "seed": cell.seed, "step": step, "split": split, "loss": value}
        for cell in config.cells()
        for step, value in enumerate(values)
        for split in ("train", "validation")
    ]
    return pa.Table.from_pylist(rows)


def told(results: Results) -> dict[str, object]:
    return {answer.name: answer for answer in findings(results)}


def test_a_strength_that_is_clear_is_named_and_another_is_not() -> None:
    results = made_up(mig=(0.1, 0.5, 0.1), elbo=(-20.0, -21.0, -22.0))
    assert [candidates(results, name, 9) for name in ("mig", "elbo", "linear_r2")] == [(4,), (1,), ()]
    answer = told(results)["strength"]
    assert answer.short == "β = 4 by mig; β = 1 by ELBO; by linear_r2 it cannot be told (4 seeds)."
    assert answer.details[0].startswith("mig: 0.50") and "is clear of every other strength" in answer.details[0]


def test_all_pairs_and_scores_are_compared_at_once() -> None:
    """Two strengths whose single intervals would be clear are not where three pairs have to hold together, nor where
    one pair has to by several scores.
    """
    spread = np.array([[0.0, 0.1, 0.2, 0.3], [0.27, 0.37, 0.47, 0.57], [-9.0, -9.1, -9.2, -9.3]])
    results = made_up(mig=(0.0, 0.0, 0.0))
    table = results.table.to_pylist()
    for row in table:
        row["mig"] = float(spread[results.strengths.index(row["beta"]), row["seed"]])
    three = Results(results.config, pa.Table.from_pylist(table), results.scores, results.curves)
    two = Results(
        results.config.replaced(strengths=(1.0, 4.0)),
        pa.Table.from_pylist([row for row in table if row["beta"] < 16]),
        results.scores,
        results.curves,
    )
    assert candidates(two, "mig", 1) == (4,) and candidates(three, "mig", 3) == (1, 4)
    assert candidates(two, "mig", 3) == ()
    assert told(two)["strength"].short == "By mig, linear_r2 and ELBO it cannot be told (4 seeds)."
    answer = told(three)["strength"]
    assert answer.short == "β = 1 or 4 by mig; by linear_r2 and ELBO it cannot be told (4 seeds)."
    assert answer.details[-1].startswith("What is clear is so by intervals of 99.4 %, so that all 9, of each pair of")
    assert answer.details[0].startswith("mig: 0.420 ± 0.205 at β = 4 is clear of all but 1; 0.150 ± 0.205 at 1, −9.150")


def test_a_headline_says_where_training_was_short() -> None:
    made = made_up(mig=(0.1, 0.5, 0.1))

    def short(**how) -> str:
        return told(dataclasses.replace(made, curves=curves(made.config, **how)))["strength"].short

    assert short() == short(late=0.009) == "β = 4 by mig; by linear_r2 and ELBO it cannot be told (4 seeds)."
    assert short(late=0.05).endswith(
        " (4 seeds). Training was short: after 40 steps curves had not settled, at β = 1 their last quarter brought 5% "
        "of the whole fall (4 seeds), and more steps may answer otherwise."
    )
    few = "Training was short: 2 points of a curve, of 40 steps, cannot tell whether it had settled."
    assert short(points=2).endswith(few)
    one = made_up(seeds=1)
    assert told(dataclasses.replace(one, curves=curves(one.config, 2)))["strength"].short.endswith(few)


def test_one_seed_gives_readings_and_no_verdict() -> None:
    answers = told(made_up(seeds=1, mig=(0.1, 0.5, 0.1)))
    assert answers["strength"].short == "One seed gives readings, and no verdict: see below."
    assert "mig: the highest reading is 0.495 at β = 4; 0.101 at 1" in answers["strength"].details[0]
    assert "a reading without an interval" in answers["cost"].short and "one seed" in answers["limits"].short
    assert "±" not in str(answers)


def test_latents_and_cost_have_their_numbers() -> None:
    answers = told(made_up(active_latents=(9.0, 5.0, 1.0), reconstruction=(10.0, 15.0, 40.0)))
    assert re.match(
        r"Of 3 latents β = 1 keeps 9\.0 ± 0\.0, β = 4 keeps 5\.0 ± 0\.0 and β = 16", answers["latents"].short
    )
    assert re.search(r"10\.\d+ ± .* nats at β = 1 and .* at β = 16: \+\d+\.\d+ ± \d", answers["cost"].short)
    same = told(made_up())["cost"].short
    assert "cannot be told from none" in same


CASES = {
    "one strength": {"strengths": 1},
    "one model": {"strengths": 1, "seeds": 1},
    "one diverged": {"lost": lambda strength, seed: strength == 4 and seed == 0},
    "a strength diverged": {"lost": lambda strength, seed: strength == 1},
    "all but one diverged": {"lost": lambda strength, seed: (strength, seed) != (4, 2)},
    "a seed diverged": {"lost": lambda strength, seed: seed == 1},
}


@pytest.mark.parametrize("case", CASES)
def test_every_sentence_is_whole_whatever_is_missing(case) -> None:
    answers = told(made_up(**CASES[case]))
    assert [*answers] == ["strength", "latents", "cost", "limits"]
    for answer in answers.values():
        for sentence in (answer.question, answer.short, *answer.details):
            assert re.match(r"[A-Zβ\d]|linear_r2|mig|reconstruction", sentence) and sentence[-1] in ".?", sentence
            assert not re.search(r"\bnan\b|\binf\b|None|\(\)|  | \.|\.\.| ;|-\d", sentence), sentence
    assert ("diverged" in str(answers["limits"])) == ("diverged" in case)


def test_nothing_is_told_of_models_that_all_diverged() -> None:
    (answer,) = findings(made_up(lost=lambda strength, seed: True))
    assert answer.name == "divergence"
