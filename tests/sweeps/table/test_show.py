"""Tables as they are printed: every number whole, on any terminal and in a pipe."""

import io

import pyarrow as pa
import pytest
from rich.console import Console

from pyvae.sweeps.table.show import plain, show, told

TABLE = pa.table(
    {
        "batch_size": [64, 65536],
        "learning_rate": [0.000123456, 1e-3],
        "mig": pa.array([0.123456789, None]),
        "elbo": [-1234567.891, 123.456],
        "finite": [True, False],
        "objective": ["beta-vae", "dip-vae"],
        "hidden": [[64, 32], None],
        "reason": [None, "RuntimeError: [red]no[/red] luck with this one, and a long story about it " * 3],
    }
)
AXES = ["batch_size", "learning_rate", "objective"]


def printed(table: pa.Table, *, width: int, terminal: bool) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    show(console, table, AXES)
    return console.file.getvalue()


def test_numbers_have_the_digits_that_tell() -> None:
    found = told(TABLE, AXES)
    assert found["batch_size"] == ["64", "65536"]
    assert found["learning_rate"] == ["0.000123456", "0.001"]  # a setting
    assert found["mig"] == ["0.1235", "-"]
    assert found["elbo"] == ["-1234568", "123.5"]
    assert found["finite"] == ["true", "false"] and found["hidden"] == ["64, 32", "-"]
    assert told(pa.table({"x": [float("inf"), -0.0, 0.0, 1e300, 12345678901234567.0, 1e-300]}), [])["x"] == [
        *("inf", "-0", "0", "1e+300", "1.235e+16", "1e-300")
    ]


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.123456, 0.0234, "0.123 ± 0.023"),
        (0.5, 0.5, "0.50 ± 0.50"),
        (-12.3456, 1.26, "-12.3 ± 1.3"),
        (12345.6, 78.9, "12346 ± 79"),
        (12345.6, 7890.0, "12346 ± 7890"),
        (1.0, 1e-9, "1 ± 1e-09"),
        (0.25, None, "0.25"),
        (None, None, "-"),
        (float("inf"), None, "inf"),
    ],
)
def test_means_have_the_decimals_of_their_intervals(mean, half, text) -> None:
    table = pa.table({"mig": pa.array([mean], pa.float64()), "mig_half": pa.array([half], pa.float64())})
    assert told(table, []) == {"mig": [text]}


def test_a_pipe_gets_aligned_lines() -> None:
    lines = printed(TABLE.drop_columns(["reason", "hidden"]), width=20, terminal=False).splitlines()
    assert lines == [
        "batch_size  learning_rate     mig      elbo  finite  objective",
        "        64    0.000123456  0.1235  -1234568  true    beta-vae",
        "     65536          0.001       -     123.5  false   dip-vae",
    ]
    assert plain(TABLE.slice(0, 0), AXES).split() == TABLE.column_names


@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_a_terminal_of_any_width_shows_every_number_whole(width) -> None:
    text = printed(TABLE, width=width, terminal=True)
    assert "…" not in text
    head, rule, first, *rest = text.splitlines()
    assert head.split() == TABLE.column_names and set(rule) == {"─"}
    assert first.split() == ["64", "0.000123456", "0.1235", "-1234568", "true", "beta-vae", "64,", "32", "-"]
    words = " ".join(line[head.index("reason") :] for line in rest).split()
    assert " ".join(words) == " ".join(TABLE["reason"][1].as_py().split())  # folded, and no markup
    assert rest[0].split()[:6] == ["65536", "0.001", "-", "123.5", "false", "dip-vae"]
