"""How conditions and names are spelled: a condition's text as a tree of Python's grammar, names near an unknown one."""

import ast
import difflib
import re
import warnings
from collections.abc import Collection

from pyvae.sweeps.errors import SweepError

LONGEST = 20_000
"""Characters of a condition, which bound what the parser has to hold."""
NAMES_SHOWN = 8
"""Names that a refusal lists."""

# Texts in quotes come first: what stands in them is nobody's name or keyword.
_SPELLING = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`(?P<name>[^`]*)`"""
    r"""|(?P<word>\b(?:AND|OR|NOT|IN|IS|NULL|TRUE|FALSE)\b)|(?P<equals>(?<![<>=!])=(?!=))"""
)


def parsed(text: str) -> tuple[ast.expr, dict[str, str]]:
    """The tree of a condition, and the columns that stand in backticks by the names that stand for them in the tree.

    Keywords may be in capitals, and = stands for ==, as SQL has them. Raises SweepError for what has no grammar, and
    RecursionError or MemoryError for too many levels.
    """
    if len(text) > LONGEST:
        raise SweepError(f"where must have at most {LONGEST} characters, got {len(text)}")
    spelled, quoted = _spelled(text)
    if not spelled:
        raise SweepError("where must be a condition such as beta > 4, got an empty text")
    try:
        with warnings.catch_warnings():  # of escapes in texts, which are the user's own
            warnings.simplefilter("ignore")
            return ast.parse(spelled, mode="eval").body, quoted
    except (SyntaxError, ValueError) as problem:
        reason = short(problem.msg if isinstance(problem, SyntaxError) else str(problem))
        raise SweepError(f"where must be a condition such as beta > 4, got {short(text)!r}: {reason}") from None


def nearest(name: str, names: Collection[str]) -> str:
    """What an unknown name may have meant, for the end of a refusal."""
    near = difflib.get_close_matches(name, list(names), n=2)
    if near:
        return f"did you mean {' or '.join(near)}"
    listed = [*names][:NAMES_SHOWN]
    return f"expected one of {', '.join(listed)}{', …' if len(names) > len(listed) else ''}"


def short(text: str, most: int = 60) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _spelled(text: str) -> tuple[str, dict[str, str]]:
    """The text as Python spells it, and the columns in backticks by the names that stand for them."""
    prefix = "_column"
    while prefix in text:
        prefix += "_"
    quoted: dict[str, str] = {}

    def spell(found: re.Match[str]) -> str:
        if found["name"] is not None:
            quoted.setdefault(found["name"], f"{prefix}{len(quoted)}")
            return quoted[found["name"]]
        if found["word"]:
            return found["word"].lower()
        return "==" if found["equals"] else found[0]

    spelled = _SPELLING.sub(spell, text)
    return " ".join(spelled.strip().splitlines()), {placeholder: name for name, placeholder in quoted.items()}
