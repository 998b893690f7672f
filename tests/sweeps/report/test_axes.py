"""What a sweep's cells differ in, read off tables of any study."""

import numpy as np
import pyarrow as pa
import pytest

from pyvae.sweeps.report.axes import BINS, Axis, axes_of, shown


def table(**columns: list[object]) -> pa.Table:
    count = len(next(iter(columns.values())))
    own = {
        "cell": [f"{k:012x}" for k in range(count)],
        "shard": ["s"] * count,
        "status": columns.pop("status", ["finished"] * count),
        "reason": pa.array([None] * count, pa.string()),
    }
    return pa.table({**own, **columns})


def named(axes: list[Axis]) -> dict[str, tuple[object, ...]]:
    return {axis.name: axis.values for axis in axes}


def test_a_field_is_called_what_the_study_calls_it() -> None:
    held = table(strengths=[1.0, 4.0, 1.0], seeds=[0, 0, 1], beta=[1.0, 4.0, 1.0], seed=[0, 0, 1], mig=[0.1, 0.2, 0.3])
    axes = axes_of(held, ["strengths", "seeds"], {"strengths": "beta", "seeds": "seed"})
    assert named(axes) == {"beta": (1.0, 4.0), "seed": (0, 1)}
    assert axes[0].places.tolist() == [0, 1, 0]


def test_a_failed_cell_has_a_place_on_the_sweeps_axes_alone() -> None:
    status = ["finished", "failed", "finished"]
    held = table(
        status=status,
        strengths=[1.0, 4.0, 2.0],
        beta=[1.0, None, 2.0],
        mu=[0.0, None, 3.0],
        seed=[0, None, 0],
        mig=[1.0, None, 2.0],
    )
    axes = axes_of(held, ["strengths"], {"strengths": "beta"})
    assert named(axes) == {"beta": (1.0, 2.0, 4.0), "mu": (0.0, 3.0)}
    assert [axis.places.tolist() for axis in axes] == [[0, 2, 1], [0, -1, 1]]


def test_strengths_of_several_objectives_are_one_axis() -> None:
    held = table(
        objective=["beta-vae", "beta-vae", "factor-vae", "factor-vae"],
        strengths=[1.0, 4.0, 1.0, 4.0],
        beta=[1.0, 4.0, None, None],
        gamma=[None, None, 1.0, 4.0],
        seed=[0] * 4,
        mig=[0.0] * 4,
    )
    axes = axes_of(held, ["objective", "strengths"], {"strengths": "beta"})
    assert named(axes) == {"objective": ("beta-vae", "factor-vae"), "strengths": (1.0, 4.0)}


def test_models_within_a_cell_differ_in_coordinates() -> None:
    groups, own = ["a", "a", "b", "b"], [1.0, 2.0, 1.0, 2.0]
    held = table(batch_size=[64] * 4, objective=groups, no_objectives_name=own, seed=[0] * 4, x=own, note=groups)
    assert named(axes_of(held, ["batch_size"], {})) == {"objective": ("a", "b"), "no_objectives_name": (1.0, 2.0)}


def test_what_no_cell_sets_is_a_value_too() -> None:
    held = table(kl=["sampled", None, "closed_form"], patience=[5, None, 2], x=[0.0] * 3)
    axes = axes_of(held, ["kl", "patience"], {})
    assert named(axes) == {"kl": ("sampled", "closed_form", None), "patience": (2, 5, None)}
    assert axes[0].names == ["sampled", "closed_form", "none"] and axes[1].is_numeric


def test_texts_keep_their_order_and_truth_is_no_number() -> None:
    held = table(hidden=["64,64", "8", "64"], whole=[True, False, True], x=[0.0] * 3)
    axes = axes_of(held, ["hidden", "whole"], {})
    assert named(axes) == {"hidden": ("64,64", "8", "64"), "whole": (True, False)}
    assert not any(axis.is_numeric for axis in axes) and axes[1].names == ["true", "false"]


def test_many_numbers_are_shown_in_groups() -> None:
    rates = [k / 1000 for k in range(1, 21)]
    (axis,) = axes_of(table(rate=[*rates, None], x=[0.0] * 21), ["rate"], {})
    grouped = axis.grouped()
    assert len(grouped) == BINS + 1 and grouped.names[0] == "0.001 to 0.003" and grouped.names[-1] == "none"
    assert np.bincount(grouped.places).tolist() == [3, 3, 3, 3, 2, 2, 2, 2, 1]
    assert np.all(np.diff(grouped.places) >= 0)
    (few,) = axes_of(table(rate=rates[:3], x=[0.0] * 3), ["rate"], {})
    assert few.grouped() is few


@pytest.mark.parametrize(
    ("value", "text"), [(1e-3, "0.001"), (-2.0, "−2"), (None, "none"), (True, "true"), (1000000, "1000000")]
)
def test_values_in_words(value: float | None, text: str) -> None:
    assert shown(value) == text
