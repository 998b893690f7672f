"""What a sweep's file says."""

import dataclasses

import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.config import Best, SweepConfig

WHOLE = """
study: vae
preset: laptop
set:
  objective: beta-tcvae
  learning_rate: 1e-3
axes:
  strengths: [1, 2, 4]
  hidden: [[64, 64], "32"]
best: {column: elbo, largest: false}
"""


def test_a_whole_file_is_read() -> None:
    config = SweepConfig.from_yaml(WHOLE)
    assert config == SweepConfig(
        "vae",
        "laptop",
        {"objective": "beta-tcvae", "learning_rate": "1e-3"},
        {"strengths": [1, 2, 4], "hidden": [[64, 64], "32"]},
        Best("elbo", largest=False),
    )
    assert config.found().name == "vae"


def test_little_is_enough() -> None:
    config = SweepConfig.from_yaml("study: biased-grid\naxes: {mus: [1]}\nset:\nbest:\n")
    assert config == SweepConfig("biased-grid", "quick", {}, {"mus": [1]}, None)
    assert SweepConfig.from_yaml("study: vae\naxes: {seeds: [1]}\nbest: {column: mig}\n").best == Best("mig", True)


def test_json_goes_both_ways_whatever_it_was_made_of() -> None:
    config = SweepConfig("vae", "quick", {"hidden": (8, 8)}, {"list": ({"seeds": 1},)}, Best("mig"))
    assert config.axes == {"list": [{"seeds": 1}]} and config.settings == {"hidden": [8, 8]}
    for one in (config, SweepConfig.from_yaml(WHOLE), dataclasses.replace(config, best=None)):
        assert SweepConfig.from_json(one.to_json()) == one
        assert SweepConfig.from_json(one.to_json()).to_json() == one.to_json()
        assert SweepConfig.from_yaml(one.to_json()) == one  # JSON is YAML
    assert (
        config.to_json().startswith('{\n  "study": "vae",\n  "preset": "quick",\n  "set": {')
        and config.to_json()[-1] == "\n"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a sweep's file must be a mapping with the keys study and axes, got nothing"),
        ("- study: vae", "a sweep's file must be a mapping with the keys study and axes, got a list"),
        ("vae", "a sweep's file must be a mapping with the keys study and axes, got 'vae'"),
        ("study: vae\naxis: {seeds: [1]}", "unknown key 'axis' of a sweep's file: did you mean axes"),
        ("axes: {seeds: [1]}", "study must be one of biased-grid, "),
        ("study: [vae]\naxes: {seeds: [1]}", "study must be one of biased-grid, "),
        ("study: vea\naxes: {seeds: [1]}", "unknown study 'vea': expected one of biased-grid, "),
        ("study: vae\npreset: 3\naxes: {seeds: [1]}", "preset must be a name, got 3"),
        ("study: vae\nset: [3]\naxes: {seeds: [1]}", "set must be a mapping of fields to values, got a list"),
        ("study: vae\nset: {steps: .inf}\naxes: {seeds: [1]}", "steps must be finite, got inf"),
        ("study: vae\nset: {1: 2}\naxes: {seeds: [1]}", "set must have texts as keys, got 1: put it in quotes"),
        ("study: vae", "axes must be a mapping of fields to lists of values, or a list of blocks, got nothing"),
        ("study: vae\naxes: 3", "axes must be a mapping of fields to lists of values, or a list of blocks, got 3"),
        ("study: vae\naxes: {seeds: 3}", "seeds must be a list of at least one value, got 3"),
        ("study: vae\naxes: {seeds: [2024-01-01]}", "seeds must be made of numbers, texts, lists and mappings, got "),
        ("study: vae\naxes: {seeds: [1]}\nbest: mig", "best must be a mapping of column and largest, got 'mig'"),
        ("study: vae\naxes: {seeds: [1]}\nbest: {}", "column of best must be the name of a column of the results, got"),
        (
            "study: vae\naxes: {seeds: [1]}\nbest: {column: a, larges: true}",
            "unknown key 'larges' of best: did you mean",
        ),
        (
            "study: vae\naxes: {seeds: [1]}\nbest: {column: a, largest: 1}",
            "largest of best must be true or false, got 1",
        ),
        ("study: vae\nstudy: vae\naxes: {seeds: [1]}", "study is named twice, in lines 1 and 2"),
    ],
)
def test_what_is_no_sweep_is_one_sentence(text, sentence) -> None:
    with pytest.raises(SweepError) as caught:
        SweepConfig.from_yaml(text)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_damaged_json_is_one_sentence() -> None:
    with pytest.raises(SweepError, match=r"^a sweep's file must be JSON: "):
        SweepConfig.from_json('{"study": "vae"')
