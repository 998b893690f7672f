"""Schedules as numbers and as text."""

import pytest

from pyvae.losses import beta_of_normalised, normalised_beta, schedule_of


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("constant", {0: 1, 7: 1}),
        ("warmup(40000)", {0: 0, 4000: 0.1, 40_000: 1, 50_000: 1}),  # of 10: min(10, t / 4000)
        ("linear(100, 1, 39600)", {0: 100, 400: 99, 39_600: 1, 50_000: 1}),  # max(1, 100 - t / 400)
        ("linear(10000, 1, 99990)", {0: 10_000, 10: 9_999, 99_990: 1, 125_000: 1}),  # max(1, 10000 - t / 10)
        ("cyclical(100)", {0: 0, 25: 0.5, 50: 1, 99: 1, 100: 0, 125: 0.5}),
        ("cyclical(100, 1)", {0: 0, 50: 0.5, 99: 0.99, 100: 0}),
        (" linear( 0.5 ,0, 10 ) ", {0: 0.5, 5: 0.25, 10: 0}),
    ],
)
def test_shares_of_the_strength(text: str, shares: dict[int, float]) -> None:
    schedule = schedule_of(text)
    assert {step: schedule(step) for step in shares} == pytest.approx(shares)
    assert schedule_of(str(schedule)) == schedule


@pytest.mark.parametrize(
    ("text", "in_a_run_of_200", "length"),
    [
        ("constant", "constant", None),
        ("warmup(25%)", "warmup(50)", 50),
        ("linear(2, 1, 100%)", "linear(2, 1, 200)", 200),
        ("cyclical(25%, 0.5)", "cyclical(50, 0.5)", 25),
        ("warmup(0.1%)", "warmup(1)", 1),
        ("warmup(70)", "warmup(70)", 70),
    ],
)
def test_shares_of_a_run_become_steps(text: str, in_a_run_of_200: str, length: int | None) -> None:
    schedule = schedule_of(text).within(200)
    assert str(schedule) == in_a_run_of_200
    assert (schedule.length and schedule.length.number) == length
    assert str(schedule_of(str(schedule_of(text)))) == str(schedule_of(text))


@pytest.mark.parametrize("text", ["warmup(25%)", "cyclical(10%)"])
def test_a_share_of_a_run_needs_its_length(text: str) -> None:
    with pytest.raises(ValueError, match="needs a run's length: call within"):
        schedule_of(text)(3)


@pytest.mark.parametrize(
    "text",
    ["", "cosine(5)", "warmup", "warmup()", "warmup(0)", "warmup(-5)", "warmup(2.5)", "warmup(0%)", "warmup(101%)",
     "warmup(5, 6)", "linear(0, 1)", "linear(-1, 1, 5)", "linear(0, inf, 5)", "linear(0, nan, 5)", "warmup(inf)",
     "cyclical(10, 0)", "cyclical(10, 1.1)", "warmup(soon)", "constant(5)", "warmup(5"],
)  # fmt: skip
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="schedule must be constant, warmup") as refused:
        schedule_of(text)
    assert repr(text) in str(refused.value)


def test_beta_on_the_scale_of_sizes() -> None:
    assert normalised_beta(4, latents=10, inputs=4096) == pytest.approx(0.009765625)
    assert beta_of_normalised(normalised_beta(4, latents=10, inputs=4096), latents=10, inputs=4096) == 4
    with pytest.raises(ValueError, match="latents must be at least 1, got 0"):
        normalised_beta(4, latents=0, inputs=4096)
    with pytest.raises(ValueError, match="inputs must be at least 1, got 0"):
        beta_of_normalised(4, latents=10, inputs=0)
