"""Values drawn at random for the cells of a sweep."""

import math
from collections import Counter

import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.draws import Draw, drawn, share


def test_shares_are_uniform_and_stay_what_they_are() -> None:
    shares = [share(0, "latents", draw) for draw in range(2000)]
    assert all(0 <= one < 1 for one in shares) and len(set(shares)) == 2000
    assert max(abs(sorted(shares)[k] - k / 2000) for k in range(2000)) < 1.63 / math.sqrt(2000)  # Kolmogorov, 1 %
    # Pinned: a sweep that goes on with another version draws what it drew.
    assert share(1, "learning_rate", 0) == 0.7144285987948463
    assert share(1, "learning_rate", 1) != share(1, "learning_rates", 1) != share(11, "earning_rate", 1)


def test_numbers_are_drawn_between_their_bounds() -> None:
    values = [one.value(False) for one in drawn("a", {"uniform": [-2, "1e1"]}, 0, 1000)]
    assert -2 <= min(values) < -1.9 and 9.9 < max(values) <= 10 and abs(sum(values) / 1000 - 4) < 0.4
    values = [one.value(False) for one in drawn("a", {"log_uniform": ["1e-4", 1e-2]}, 0, 1000)]
    assert 1e-4 <= min(values) < 1.1e-4 and 0.9e-2 < max(values) <= 1e-2
    assert abs(sum(map(math.log10, values)) / 1000 + 3) < 0.06
    assert all(float(f"{value:.6g}") == value for value in values)


def test_whole_numbers_are_as_likely_as_the_distribution_says() -> None:
    counts = Counter(one.value(True) for one in drawn("a", {"uniform": [2.5, 6]}, 0, 4000))
    assert set(counts) == {3, 4, 5, 6} and all(abs(count - 1000) < 110 for count in counts.values())
    counts = Counter(one.value(True) for one in drawn("a", {"log_uniform": [1, 3]}, 0, 4000))
    assert set(counts) == {1, 2, 3} and all(type(value) is int for value in counts)
    for value, count in counts.items():  # an interval of length log((k + 1) / k) of log 4
        assert abs(count - 4000 * math.log((value + 1) / value) / math.log(4)) < 110


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("at", [0.0, 1 - 2**-53])
def test_the_ends_are_within_the_bounds(whole, logarithmic, at) -> None:
    low, high = 0.1234561 + whole, 7.9876578  # which six digits leave
    value = Draw("a", low, high, logarithmic, at).value(whole)
    assert low <= value <= high
    assert not whole or value in (2, 7)


def test_a_choice_is_one_of_its_values() -> None:
    values = drawn("a", {"choice": [[64, 64], "x", None]}, 0, 3000)
    counts = Counter(map(repr, values))
    assert set(counts) == {"[64, 64]", "'x'", "None"} and all(abs(count - 1000) < 110 for count in counts.values())


@pytest.mark.parametrize(
    ("distribution", "sentence"),
    [
        (3, "a of random must be a mapping of one of uniform, log_uniform and choice, got 3"),
        ({"uniform": [1, 2], "choice": [1]}, "a of random must be a mapping of one of"),
        ({"normal": [0, 1]}, "a of random must be one of uniform, log_uniform and choice, got 'normal'"),
        ({"choice": []}, "choice of a must be a list of at least one value, got []"),
        ({"choice": "xy"}, "choice of a must be a list of at least one value, got 'xy'"),
        ({"uniform": [1, 2, 3]}, "uniform of a must be a list of two numbers, got [1, 2, 3]"),
        ({"uniform": "1,2"}, "uniform of a must be a list of two numbers, got '1,2'"),
        ({"uniform": [1, "x"]}, "uniform of a must be of finite numbers, got 'x'"),
        ({"uniform": [True, 2]}, "uniform of a must be of finite numbers, got True"),
        ({"uniform": [1, [2]]}, "uniform of a must be of finite numbers, got a list"),
        ({"uniform": [1, 10**400]}, "uniform of a must be of finite numbers, got 1000"),
        ({"uniform": [1, "inf"]}, "uniform of a must be of finite numbers, got 'inf'"),
        ({"uniform": [2, 2]}, "uniform of a must have its smaller number first, got 2 and 2"),
        ({"log_uniform": [0, 2]}, "log_uniform of a must be of numbers greater than 0, got 0"),
    ],
)
def test_what_is_no_distribution_is_one_sentence(distribution, sentence) -> None:
    with pytest.raises(SweepError) as caught:
        drawn("a", distribution, 0, 0)
    assert str(caught.value).startswith(sentence)


def test_whole_numbers_between_no_two_are_one_sentence() -> None:
    with pytest.raises(SweepError, match=r"^a takes whole numbers, and none is between 0\.2 and 0\.8$"):
        Draw("a", 0.2, 0.8, False, 0.5).value(True)
