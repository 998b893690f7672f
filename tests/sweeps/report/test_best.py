"""What is said of the best configuration, against numbers worked out by hand or by scipy's rules."""

from pathlib import Path

import numpy as np
import pytest

from pyvae.report.statistics import welch_interval
from pyvae.sweeps.report.best import chosen, points, ranking, read_on_the_seed_left_out, told
from pyvae.sweeps.report.measures import Goal
from tests.sweeps.report.sweeps import noise, of, opened, words

MIG, ERROR = Goal("mig", True, "Said."), Goal("mig", False, "Said.")
TABLE = {1: [0.1, 0.2, 0.3], 2: [0.5, 0.6, 0.7], 4: [0.52, 0.58, 0.61], 8: [0.9, 0.91, 0.92]}


def made(folder: Path, values: dict[int, list[float]], **more: object):
    seeds = [*range(len(next(iter(values.values()))))]
    return opened(
        folder, {"strengths": [*values], "seeds": seeds}, of(lambda strengths, seeds: values[strengths][seeds])
    )


def test_a_clear_best(tmp_path: Path) -> None:
    held = made(tmp_path, TABLE)
    gain = welch_interval(np.array(TABLE[8]), np.array(TABLE[2]))
    assert told(held, MIG) == (
        "By mig, of which the largest is best: beta 8, with 0.910 ± 0.025 over 3 seeds. The next is beta 2, with 0.600 "
        f"± 0.248 over 3 seeds: it is behind by 0.310 ± {gain.half:.3f}, whose 95 % interval does not hold 0."
    )
    assert "Of the 3 other configurations with an interval, 0 cannot be told from the best one" in points(held, MIG)[1]


def test_a_best_that_cannot_be_told_from_the_next(tmp_path: Path) -> None:
    held = made(tmp_path, {key: TABLE[key] for key in (1, 2, 4)})
    assert told(held, MIG).endswith("so that it cannot be told from the best.")
    assert "Of the 2 other configurations with an interval, 1 cannot be told from the best one" in points(held, MIG)[1]


def test_the_smallest_may_be_best(tmp_path: Path) -> None:
    sentence = told(made(tmp_path, TABLE), ERROR)
    assert "of which the smallest is best: beta 1, with 0.200 ± 0.248" in sentence and "behind by 0.370 ±" in sentence


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {1: [0.1], 2: [0.2]},
            "beta 2, with 0.200 of one seed. The next is beta 1, with 0.100 of one seed: with one seed",
        ),
        ({1: [0.1, 0.1], 2: [0.2, 0.2]}, "0.100 (the same in all 2 seeds): no seed of either differs from another"),
        ({1: [0.3, 0.3], 2: [0.3, 0.3]}, "All 2 configurations have the same mig, 0.300: none is the best."),
        ({1: [0.1, 0.3]}, "mig is 0.20 ± 1.27 over 2 seeds: there is one configuration."),
        (
            {1: [0.1, float("nan")], 2: [float("nan")] * 2},
            "beta 1, with 0.1000 over 1 of 2 seeds (the others have no value)",
        ),
    ],
)
def test_what_few_numbers_say(tmp_path: Path, values: dict[int, list[float]], sentence: str) -> None:
    held = made(tmp_path, values)
    assert sentence.replace("0.1000", "0.100").replace("0.20 ± 1.27", "0.200 ± 1.271") in told(held, MIG)


def test_the_only_one_with_a_value(tmp_path: Path) -> None:
    held = made(tmp_path, {1: [0.1, 0.2], 2: [float("nan")] * 2})
    assert told(held, MIG).endswith("It is the only configuration with a value.")


def test_luck_is_seen_on_the_seed_that_was_left_out(tmp_path: Path) -> None:
    lucky = {1: [1.0, 0.0, 0.0], 2: [0.0, 1.0, 0.0], 4: [0.0, 0.0, 1.0], 8: [0.2, 0.2, 0.2]}
    found = read_on_the_seed_left_out(made(tmp_path, lucky), MIG)
    assert found is not None and (found.seeds, found.configurations) == (3, 4)
    # Without a seed, the two that are lucky on others have 0.5 each: the first of them is chosen, and gives 0.
    assert found.mean == 0.0 and found.own == pytest.approx(1 / 3)
    sentence = points(made(tmp_path / "again", lucky), MIG)[-1]
    assert (
        "in turn for each of 3 seeds, the best of the 4 configurations" in sentence
        and "gives 0.00 on average" in sentence
    )


def test_of_noise_alone_the_left_out_seed_gives_the_mean(tmp_path: Path) -> None:
    values = {k: [noise(k, seed) for seed in range(4)] for k in range(1, 201)}
    held = made(tmp_path, values)
    found = read_on_the_seed_left_out(held, MIG)
    assert found is not None and found.own > 0.6 and abs(found.mean) < 0.5 < found.own
    smallest = read_on_the_seed_left_out(held, ERROR)
    assert smallest is not None and smallest.own < -0.6 and abs(smallest.mean) < 0.5


def test_nothing_is_chosen_among_one(tmp_path: Path) -> None:
    assert read_on_the_seed_left_out(made(tmp_path / "a", {1: [0.1, 0.2]}), MIG) is None
    assert read_on_the_seed_left_out(made(tmp_path / "b", {1: [0.1], 2: [0.2]}), MIG) is None
    gaps = {1: [0.1, float("nan")], 2: [0.2, 0.3]}
    assert read_on_the_seed_left_out(made(tmp_path / "c", gaps), MIG) is None


def test_the_ranking_has_places_links_and_intervals(tmp_path: Path) -> None:
    held = made(tmp_path, TABLE)
    order = held.ranked("mig", largest=True)
    text = ranking(held, MIG, ["mig"], chosen(order, 1, 1), {order[0]: "model-9"})
    rows = [line for line in words(f"<main>{text}</main>").splitlines() if " | " in line]
    assert rows == [
        "place | beta | mig | seeds | ",
        "1, pictures | 8 | 0.910 ± 0.025 | 3 | ",
        "4 | 1 | 0.200 ± 0.248 | 3 | ",
    ]
    assert 'href="#model-9"' in text and "2 of 4 configurations with a value of mig: mean over 3 seeds" in text


@pytest.mark.parametrize(
    ("best", "worst", "found"),
    [(2, 1, [0, 1, 4]), (9, 9, [0, 1, 2, 3, 4]), (3, 3, [0, 1, 2, 3, 4]), (0, 2, [3, 4]), (2, 0, [0, 1]), (0, 0, [])],
)
def test_the_first_and_the_last_of_a_ranking(best: int, worst: int, found: list[int]) -> None:
    assert chosen([0, 1, 2, 3, 4], best, worst) == found
