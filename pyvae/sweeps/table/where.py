"""Conditions on the rows of a table as text, such as `beta > 4 and objective == "beta-tcvae" and mig is not null`.

A condition has Python's grammar. It is parsed, never run: of the parsed tree a list of allowed nodes is read into an
expression of Arrow, and any other node is refused. What it says of a row without a value is what SQL says: nothing.
Such a row meets neither a comparison nor its opposite, and `and`, `or` and `not` know true, false and null (Kleene's
logic): `mig > 0.1 or finite` is met by a row without a mig whose `finite` is true.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.spelling import nearest, parsed, short

WHOLE, NUMBER, TEXT, TRUTH, NOTHING = "a whole number", "a number", "text", "true or false", "null"

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_NO_NUMBER = pc.scalar(pa.scalar(None, pa.float64()))
_CALCULATE: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: lambda left, right: pc.if_else(right == 0.0, _NO_NUMBER, pc.divide(left, right)),
}
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "inf": float("inf")}


class _Part(NamedTuple):
    """What a part of a condition stands for."""

    value: pc.Expression
    kind: str | None
    """One of the words above; None where only the column's name is known; else a type that nothing compares."""
    told: str
    """How the condition has it."""


def condition(text: str, columns: Sequence[str] | pa.Schema) -> pc.Expression:
    """The rows that a condition asks for, as what `pyarrow.Table.filter` takes.

    It may compare columns, numbers, texts in quotes, `true` and `false` by `<`, `<=`, `>`, `>=`, `==` (or `=`) and
    `!=`, also in chains; ask for `in (64, 256)`, `not in`, `is null` and `is not null`; calculate by `+`, `-`, `*` and
    `/` (in float64; what is divided by 0 is null); and join all that by `and`, `or`, `not` and brackets. A column of
    truth values is a condition by itself. A name with other characters than letters, digits and _ stands in backticks.

    Args:
        text: the condition.
        columns: the table's schema, or the names alone: then types are not compared here, and Arrow refuses later.

    Raises:
        SweepError: one sentence, for what is no such condition, names no column, or compares what cannot be compared.
    """
    try:
        tree, quoted = parsed(text)
        return _Reader(columns, quoted).truth(tree)
    except (RecursionError, MemoryError):
        raise SweepError(f"where must be a condition of fewer levels, got {short(text)!r}") from None


class _Reader:
    """Makes expressions of the nodes that a condition may have."""

    def __init__(self, columns: Sequence[str] | pa.Schema, quoted: Mapping[str, str]) -> None:
        if isinstance(columns, pa.Schema):
            self._kinds: dict[str, str | None] = {field.name: _kind(field.type) for field in columns}
        else:
            self._kinds = dict.fromkeys(columns)
        self._quoted = quoted

    def truth(self, node: ast.expr) -> pc.Expression:
        """What is true or false of a row."""
        part = self._read(node)
        if part.kind not in (TRUTH, None):
            raise SweepError(f"where needs a condition such as beta > 4 here, got {_described(part)}")
        return part.value

    def _read(self, node: ast.expr) -> _Part:
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Constant():
                return self._constant(node.value)
            case ast.Compare():
                return self._comparison(node)
            case ast.BoolOp():
                join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
                return self._truth_of(node, _folded(join, [self.truth(value) for value in node.values]))
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                join = operator.and_ if isinstance(node.op, ast.BitAnd) else operator.or_
                return self._truth_of(node, join(self._bracketed(node.left), self._bracketed(node.right)))
            case ast.UnaryOp(op=ast.Not() | ast.Invert()):
                return self._truth_of(node, ~self.truth(node.operand))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return self._constant(-value)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
                return _Part(pc.multiply(self._number(node.operand), pc.scalar(sign)), NUMBER, self._told(node))
            case ast.BinOp() if type(node.op) in _CALCULATE:
                value = _CALCULATE[type(node.op)](self._number(node.left), self._number(node.right))
                return _Part(value, NUMBER, self._told(node))
        raise SweepError(
            f"where takes comparisons, in, is null, and, or, not, + - * / and brackets, got {self._told(node)!r}"
        )

    def _name(self, node: ast.Name) -> _Part:
        name = self._quoted.get(node.id, node.id)
        if name in self._kinds:
            return _Part(pc.field(name), self._kinds[name], name)
        if node.id in _WORDS:
            return self._constant(_WORDS[node.id])
        hint = nearest(name, self._kinds)
        raise SweepError(f'where names {name!r}, which is no column: {hint}, or the text "{name}" in quotes')

    def _constant(self, value: object) -> _Part:
        if value is None:
            return _Part(pc.scalar(None), NOTHING, "null")
        value = _within_64_bits(value)
        for kind, is_of in ((TRUTH, bool), (WHOLE, int), (NUMBER, float), (TEXT, str)):
            if isinstance(value, is_of):
                return _Part(pc.scalar(value), kind, repr(value))
        raise SweepError(f"where takes numbers, texts, true, false and null, got {short(repr(value))}")

    def _comparison(self, node: ast.Compare) -> _Part:
        """A chain such as 1 < beta <= 4 is all of its pairs."""
        pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
        return self._truth_of(node, _folded(operator.and_, [self._pair(*pair) for pair in pairs]))

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pc.Expression:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._nothing(left, op, right)
        if isinstance(op, ast.In | ast.NotIn):
            return self._member(left, op, right)
        return _compared(_COMPARE[type(op)], self._read(left), self._read(right))

    def _nothing(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pc.Expression:
        part, other = self._read(left), self._read(right)
        if other.kind != NOTHING:
            raise SweepError(f"where takes null alone after is and is not, got {other.told}: compare by == or !=")
        return part.value.is_null() if isinstance(op, ast.Is) else part.value.is_valid()

    def _member(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pc.Expression:
        """By a comparison with each member: SQL's meaning for rows without a value, which Arrow's own does not have."""
        members = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
        if not members:
            raise SweepError(f"where needs a value after in, got {self._told(right)}")
        part = self._read(left)
        found = _folded(operator.or_, [_compared(operator.eq, part, self._read(member)) for member in members])
        return ~found if isinstance(op, ast.NotIn) else found

    def _bracketed(self, node: ast.expr) -> pc.Expression:
        """Of & and |, which bind more closely than comparisons do."""
        part = self._read(node)
        if part.kind not in (TRUTH, None):
            raise SweepError(f"where joins conditions by & and |, each in brackets, got {_described(part)}")
        return part.value

    def _number(self, node: ast.expr) -> pc.Expression:
        part = self._read(node)
        if part.kind not in (WHOLE, NUMBER, None):
            raise SweepError(f"where can calculate with numbers only, got {_described(part)}")
        return _float64(part)

    def _truth_of(self, node: ast.expr, value: pc.Expression) -> _Part:
        return _Part(value, TRUTH, self._told(node))

    def _told(self, node: ast.expr) -> str:
        told = ast.unparse(node)
        for placeholder, name in self._quoted.items():
            told = re.sub(rf"\b{placeholder}\b", lambda found, name=name: f"`{name}`", told)  # type: ignore[misc]
        return short(told)


def _compared(compare: Callable[[Any, Any], Any], left: _Part, right: _Part) -> pc.Expression:
    for part, other in ((left, right), (right, left)):
        if part.kind == NOTHING:
            raise SweepError(f"where must ask for null by is or is not, such as {other.told} is null, got a comparison")
        if part.kind not in (WHOLE, NUMBER, TEXT, TRUTH, None):
            raise SweepError(f"where cannot compare {_described(part)}: only is null and is not null take it")
    kinds = {left.kind, right.kind}
    if NUMBER in kinds and kinds <= {WHOLE, NUMBER, None}:  # of which Arrow itself would make float32
        return compare(_float64(left), _float64(right))
    if len(kinds) > 1 and None not in kinds:
        raise SweepError(f"where cannot compare {_described(left)}, with {_described(right)}")
    return compare(left.value, right.value)


def _float64(part: _Part) -> pc.Expression:
    """A number, rounded where it is a whole one above 2^53."""
    return part.value.cast(pa.float64(), safe=False)


def _folded(join: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    """All joined in a tree of few levels, which Arrow walks by recursion."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return join(_folded(join, values[:middle]), _folded(join, values[middle:]))


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if pa.types.is_boolean(kind):
        return TRUTH
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return WHOLE if pa.types.is_integer(kind) else NUMBER
    return TEXT if pa.types.is_string(kind) or pa.types.is_large_string(kind) else f"of type {kind}"


def _within_64_bits(value: Any) -> Any:
    """Whole numbers that Arrow has no type for as the nearest float, or infinity."""
    if type(value) is not int or -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _described(part: _Part) -> str:
    return f"{part.told}, which is {part.kind}"
