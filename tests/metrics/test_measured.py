from pyvae.metrics.measured import Measured


def test_a_score_prints_its_interval_and_its_ceiling() -> None:
    score = Measured(0.5, 0.304, 0.696, 0.9, {"bins": 20}, {"each": [1, 2]})
    assert float(score) == 0.5 and str(score) == "0.500 (95 % interval 0.304 to 0.696; at most 0.9)"


def test_a_count_is_a_number_too() -> None:
    assert float(Measured(3, 2, 4, 10)) == 3.0


def test_a_score_is_a_plain_value() -> None:
    assert Measured(1.0, 0.5, 1.5, 2.0) == Measured(1.0, 0.5, 1.5, 2.0)
    assert type(float(Measured(1, 0, 2, 3))) is float  # a count
