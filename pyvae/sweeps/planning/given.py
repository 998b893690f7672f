"""What a sweep's file says, as plain data: YAML without its traps, and what JSON has words for."""

import json
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from pyvae.settings import NONE
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.spelling import nearest

DEEPEST = 8
"""Lists and mappings in each other at most. Sweeps need six; YAML's anchors can make one that holds itself."""


def read_yaml(text: str) -> Any:
    """What a YAML text says; SweepError where it cannot be read, or names a key twice: PyYAML would take the last."""
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _check_keys_once(root)
        return None if root is None else loader.construct_document(root)
    except SweepError:
        raise
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = "" if mark is None else f" in line {mark.line + 1}"
        raise SweepError(f"a sweep's file must be YAML: {problem.problem or problem.context}{where}") from None
    except Exception as problem:  # a tag such as !!int makes PyYAML raise whatever its text leads to
        raise SweepError(f"a sweep's file must be YAML: {' '.join(str(problem).split())}") from None


def _check_keys_once(root: Any) -> None:
    from yaml import MappingNode, ScalarNode, SequenceNode

    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in seen:  # an anchor's: it may even hold itself
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            todo += node.value
        if not isinstance(node, MappingNode):
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            todo.append(value)
            if isinstance(key, ScalarNode):
                line = key.start_mark.line + 1
                if key.value in lines:
                    raise SweepError(f"{key.value} is named twice, in lines {lines[key.value]} and {line}")
                lines[key.value] = line


def read_json(text: str) -> Any:
    """What a JSON text says; SweepError where it cannot be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise SweepError(f"a sweep's file must be JSON: {problem}") from None


def plain(value: Any, name: str, depth: int = DEEPEST) -> Any:
    """`value` in lists, dicts with texts as keys, texts, finite numbers, booleans and None; SweepError with the name of
    what cannot be told so. Tuples become lists, and numpy's numbers Python's.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise SweepError(f"{name} must be finite, got {value}")
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    if not isinstance(value, Mapping | list | tuple):
        raise SweepError(f"{name} must be made of numbers, texts, lists and mappings, got {value!r}")
    if depth == 0:
        raise SweepError(f"{name} must hold at most {DEEPEST} lists and mappings in each other")
    if not isinstance(value, Mapping):
        return [plain(item, name, depth - 1) for item in value]
    for key in value:
        if not isinstance(key, str):
            raise SweepError(f"{name} must have texts as keys, got {key!r}: put it in quotes")
    return {key: plain(item, key, depth - 1) for key, item in value.items()}


def check_keys(given: Mapping[Any, Any], known: Sequence[str], of: str) -> None:
    """SweepError for a key that is none of those known of something, with what may have been meant."""
    for key in given:
        if key not in known:
            raise SweepError(f"unknown key {key!r} of {of}: {nearest(str(key), known)}")


def shown(value: Any) -> str:
    """A setting's value as a user would write it: 4 for 4.0, and lists with commas."""
    if value is None:
        return NONE
    if isinstance(value, list | tuple):
        return ",".join(map(shown, value))
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value) if whole else value)


def what(value: Any) -> str:
    """What was given instead, for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else repr(value)
