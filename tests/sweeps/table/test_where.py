"""Conditions against Python's own reading of them, against SQL's of rows without a value, and texts that are none."""

import random
import sqlite3

import pyarrow as pa
import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.spelling import LONGEST
from pyvae.sweeps.table.where import condition

TABLE = pa.table(
    {
        "row": pa.array(range(6)),
        "beta": pa.array([1.0, 2.0, 4.0, 8.0, 16.0, None]),
        "batch_size": pa.array([64, 64, 256, 256, 1024, 1024]),
        "mig": pa.array([0.1, None, 0.3, 0.4, None, 0.6]),
        "objective": pa.array(["beta-vae", "beta-tcvae", "beta-tcvae", None, "dip-vae", "beta-vae"]),
        "finite": pa.array([True, False, True, True, None, False]),
        "hidden": pa.array([[64], [64], [64, 64], [64], None, [8]]),
        "kl of latent.0": pa.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        "tc": pa.array([0.0, 0.5, float("inf"), -1.0, 2.0, 0.05]),
        "step": pa.array([0, 1, 2, 2**53, 2**53 + 1, -1]),
    }
)


def rows(text: str, columns: object = TABLE.schema) -> list[int]:
    """Which rows of TABLE meet a condition."""
    return TABLE.filter(condition(text, columns))["row"].to_pylist()


CONDITIONS = {
    "beta > 4": [3, 4],
    "beta >= 4 and mig < 0.5": [2, 3],
    'beta > 1 and objective == "beta-tcvae" and mig is not null': [2],
    "batch_size in (64, 256)": [0, 1, 2, 3],
    "batch_size in [1024]": [4, 5],
    "batch_size in (1024)": [4, 5],
    "batch_size in {64, 256} and not batch_size in (64,)": [2, 3],
    "objective in ('beta-vae', 'dip-vae')": [0, 4, 5],
    "objective not in ('beta-vae', 'dip-vae')": [1, 2],
    "1 < beta <= 8": [1, 2, 3],
    "1 < beta < 16 != batch_size": [1, 2, 3],
    "beta * 2 >= 8 or tc < 0.1": [0, 2, 3, 4, 5],
    "beta + mig > 4.2": [2, 3],
    "-beta < -2 - 3": [3, 4],
    "batch_size / 100 < 1": [0, 1],
    "1 / step > 0.4": [1, 2],
    "not (1 / step > 0.4)": [3, 4, 5],
    "finite": [0, 2, 3],
    "not finite": [1, 5],
    "~finite": [1, 5],
    "finite == true": [0, 2, 3],
    "finite != True": [1, 5],
    "(beta > 1) & (mig < 0.35) | (batch_size == 1024)": [2, 4, 5],
    "mig is null": [1, 4],
    "hidden is not null": [0, 1, 2, 3, 5],
    "beta + mig is null": [1, 4, 5],
    "mig is None": [1, 4],
    "`kl of latent.0` >= 4": [4, 5],
    "`kl of latent.0` >= 4 and `beta` < 99": [4],
    "objective < 'beta-vae'": [1, 2],
    "tc == inf": [2],
    "tc < inf": [0, 1, 3, 4, 5],
    "-inf < tc < 0": [3],
    "tc < 1e999": [0, 1, 3, 4, 5],
    "step == 9007199254740993": [4],
    "step > 1.5": [2, 3, 4],
    "step == 2.0": [2],
    "row < 3.00000001 and row > 2.99999999": [3],
    f"step < {10**30}": [0, 1, 2, 3, 4, 5],
    f"step > -{10**400}": [0, 1, 2, 3, 4, 5],
    "beta = 4": [2],
    "beta > 4 AND NOT mig IS NULL OR objective IN ('dip-vae')": [3, 4],
    "objective != 'a = b and AND'": [0, 1, 2, 4, 5],
    "beta > 4\n or beta < 2": [0, 3, 4],
    " beta == 4 ": [2],
    "true": [0, 1, 2, 3, 4, 5],
    "1 > 2": [],
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_rows_that_meet_a_condition(text: str) -> None:
    assert rows(text) == CONDITIONS[text]
    assert rows(text, TABLE.column_names) == CONDITIONS[text]  # names alone


@pytest.mark.parametrize(
    "text", ["mig != 0.3", "not mig == 0.3", "not (mig > 0.2 and mig < 0.35)", "mig not in (0.3, 1)"]
)
def test_a_row_without_a_value_meets_neither_a_comparison_nor_its_opposite(text: str) -> None:
    assert rows(text) == [0, 3, 5]


def test_what_holds_whatever_the_value_holds_without_one() -> None:
    assert rows("mig > 0.5 or true") == [0, 1, 2, 3, 4, 5]
    assert rows("not (mig > 0.5 and false)") == [0, 1, 2, 3, 4, 5]


# --- Against SQLite ---------------------------------------------------------------------------------------------------

NUMBERS, NAMES = ("a", "b", "c"), ("x", "y", "z")


def _of_numbers(draw: random.Random, depth: int) -> str:
    if depth == 0 or draw.random() < 0.5:
        return draw.choice([*NUMBERS, str(draw.randint(-3, 3)), f"{draw.uniform(-3, 3):.2f}"])
    left, right = _of_numbers(draw, depth - 1), _of_numbers(draw, depth - 1)
    return f"({left} {draw.choice('+-*/')} {right})" if draw.random() < 0.8 else f"(-{left})".replace("--", "- -")


def _random_condition(draw: random.Random, depth: int) -> str:
    """Such that SQLite and Python's grammar mean the same."""
    if depth and draw.random() < 0.7:
        left, right = _random_condition(draw, depth - 1), _random_condition(draw, depth - 1)
        return draw.choice([f"({left} and {right})", f"({left} or {right})", f"(not {left})"])
    comparison = draw.choice(["<", "<=", ">", ">=", "==", "!="])
    one, two = _of_numbers(draw, 2), _of_numbers(draw, 2)
    negated = draw.choice(["", "not "])
    return draw.choice(
        [
            f"({one} {comparison} {two})",
            f"({one} {negated}in ({two}, 1, 2.5))",
            f"({one} is {negated}null)",
            f"(name {comparison} '{draw.choice(NAMES)}')",
            f"(name {negated}in ('x', 'z'))",
            "flag",
        ]
    )


def test_random_conditions_choose_the_rows_that_sql_chooses() -> None:
    draw = random.Random(20)
    values = [None, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 2.5]
    records = [
        (k, *(draw.choice(values) for _ in NUMBERS), draw.choice([None, *NAMES]), draw.choice([None, True, False]))
        for k in range(60)
    ]
    kinds = [pa.int64(), *[pa.float64()] * 3, pa.string(), pa.bool_()]
    columns = ["k", *NUMBERS, "name", "flag"]
    schema = pa.schema([*zip(columns, kinds, strict=True)])
    table = pa.Table.from_pylist([dict(zip(columns, record, strict=True)) for record in records], schema)
    base = sqlite3.connect(":memory:")
    base.execute("create table t (k integer, a real, b real, c real, name text, flag integer)")
    base.executemany("insert into t values (?, ?, ?, ?, ?, ?)", records)
    chosen = 0
    for _ in range(400):
        text = _random_condition(draw, 3)
        # Whole numbers divide to whole ones in SQLite: here every number is a float.
        sql = text.replace("/ ", "* 1.0 / ")
        expected = [k for (k,) in base.execute(f"select k from t where {sql} order by k")]
        assert table.filter(condition(text, table.schema))["k"].to_pylist() == expected, text
        chosen += 0 < len(expected) < len(records)
    assert chosen > 200  # most conditions tell rows apart


# --- What is no condition ---------------------------------------------------------------------------------------------

REFUSED = {
    "": "where must be a condition such as beta > 4, got an empty text",
    "beta >": "where must be a condition such as beta > 4, got 'beta >': invalid syntax",
    "beta > 4; mig > 1": "where must be a condition such as beta > 4, got 'beta > 4; mig > 1': invalid syntax",
    "beta \0 4": "null bytes",
    "bta > 4": "where names 'bta', which is no column: did you mean beta, or the text \"bta\" in quotes",
    "objective == failed": '"failed" in quotes',
    "zzzz > 4": "expected one of row, beta, batch_size, mig, objective, finite, hidden, kl of latent.0, …",
    "`kl of latent` > 0": "where names 'kl of latent', which is no column: did you mean kl of latent.0",
    "objective > 4": "where cannot compare objective, which is text, with 4, which is a whole number",
    "beta == 'a'": "where cannot compare beta, which is a number, with 'a', which is text",
    "finite == 1": "where cannot compare finite, which is true or false, with 1, which is a whole number",
    "beta in (1, 'a')": "where cannot compare beta, which is a number, with 'a', which is text",
    "hidden == 64": "where cannot compare hidden, which is of type list<",
    "(beta > 1) == 1": "where cannot compare beta > 1, which is true or false, with 1, which is a whole number",
    "beta": "where needs a condition such as beta > 4 here, got beta, which is a number",
    "beta > 1 and mig": "where needs a condition such as beta > 4 here, got mig, which is a number",
    "not objective": "got objective, which is text",
    "beta > 4 & mig < 1": "where joins conditions by & and |, each in brackets, got 4, which is a whole number",
    "objective + 1 > 2": "where can calculate with numbers only, got objective, which is text",
    "mig == null": "where must ask for null by is or is not, such as mig is null",
    "mig in (null, 1)": "where must ask for null by is or is not, such as mig is null",
    "beta is 4": "where takes null alone after is and is not, got 4: compare by == or !=",
    "beta in ()": "where needs a value after in, got ()",
    "beta > 1j": "where takes numbers, texts, true, false and null, got 1j",
    "objective == b'a'": "where takes numbers, texts, true, false and null, got b'a'",
    "beta == ...": "where takes numbers, texts, true, false and null, got Ellipsis",
}
HOSTILE = [
    "__import__('os').system('touch broken')",
    "beta.__class__ == 1",
    "().__class__.__bases__[0].__subclasses__() == 1",
    "[x for x in (1, 2)] == 1",
    "{x: x for x in 'ab'} == 1",
    "(lambda: 1)() == 1",
    "(beta := 4) > 1",
    "beta ** 2 > 1",
    "9 ** 9 ** 9 ** 9 > beta",
    "beta << 9999999999 > 1",
    "beta % 2 == 0",
    "beta // 2 == 0",
    "f'{beta}' == 'a'",
    "objective[0] == 'b'",
    "beta > 1 if finite else beta > 2",
    "print(beta)",
    "(yield beta) > 1",
    "await beta > 1",
    "*beta > 1",
    "(beta, mig) == (1, 2)",
    "{'a': 1} == 1",
    "`kl of latent.0`.real > 1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_condition_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(SweepError) as refusal:
        condition(text, TABLE.schema)
    assert REFUSED[text] in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_evaluated(text: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SweepError, match=r"where (takes|must be|needs|cannot)") as refusal:
        condition(text, TABLE.schema)
    assert "\n" not in str(refusal.value) and "_column" not in str(refusal.value)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 150 + "beta > 1" + ")" * 150,
        "(" * 5000 + "beta > 1" + ")" * 5000,
        "not " * 4000 + "finite",
        "-" * 9000 + "beta > 1",
        "beta" + " + 1" * 4000 + " > 1",
        "beta == " * 2000 + "1",
        "[" * 5000,
        "beta > " + "9" * 10_000,
    ],
    ids=lambda text: f"{text[:4]} of {len(text)}",
)
def test_depth_and_length_end_in_a_condition_or_a_sentence(text: str) -> None:
    try:
        TABLE.filter(condition(text, TABLE.schema))
    except SweepError as refusal:
        assert str(refusal).startswith("where ") and len(str(refusal)) < 300


def test_long_lists_are_taken_and_endless_texts_are_not() -> None:
    assert rows(f"batch_size in ({', '.join(map(str, range(63, 3000)))})") == [0, 1, 2, 3, 4, 5]
    assert rows(" or ".join(f"beta == {k}" for k in range(1000))) == [0, 1, 2, 3, 4]
    with pytest.raises(SweepError, match=f"where must have at most {LONGEST} characters, got {LONGEST + 10}"):
        condition("beta > 1  " + " " * LONGEST, TABLE.schema)
