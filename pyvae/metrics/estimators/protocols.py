"""Whose numbers a score gives: the paper's that defines it, or those of the library that most studies used."""

import typing
from collections.abc import Sequence
from typing import Literal

Protocol = Literal["paper", "disentanglement_lib"]
PROTOCOLS: tuple[Protocol, ...] = typing.get_args(Protocol)


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuses a value that an argument has not: a mistyped one would pass for the default."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")


def follows_library(protocol: str) -> bool:
    """Whether a protocol is disentanglement_lib's; ValueError for one that there is not."""
    check_choice("protocol", protocol, PROTOCOLS)
    return protocol == "disentanglement_lib"


def check_estimator_is_free(protocol: str, estimator: str | None) -> None:
    """Refuses an estimator beside disentanglement_lib's protocol, which has its own."""
    if follows_library(protocol) and estimator not in (None, "histogram"):
        raise ValueError(f"estimator must be None or histogram for disentanglement_lib's protocol, got {estimator!r}.")
