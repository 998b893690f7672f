"""Which of a run's models, or of the rows of its curves, a row of a sweep's results is of."""

from collections.abc import Mapping
from typing import Any

ALSO = {"group": "objective"}
"""What curves call a group of models, one study's table calls by what the groups differ in."""


def fits(row: Mapping[str, Any], named: Mapping[str, Any]) -> bool:
    """Whether coordinates by their names are those of a row; what the row does not have is no objection."""
    for name, value in named.items():
        own = row.get(name, row.get(ALSO.get(name, "")))
        if own is not None and own != value:
            return False
    return True
