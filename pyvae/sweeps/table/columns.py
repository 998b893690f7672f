"""What the columns of results are: those that say which model a row is of, what was measured of it, what tells most."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from pyvae.sweeps.table.merging import OWN

SEED = "seed"
"""The last of the study's columns that say which model a row is of."""
SEEDS = (SEED, f"{SEED}s")
"""The study's column, and its setting, which may be an axis of the sweep."""
RECONSTRUCTION = ("reconstruction", "train_reconstruction_nats", "squared_error")
CORRELATION = ("aggregate_total_correlation", "total_correlation", "gaussian_total_correlation")
ACTIVE = ("active_latents", "train_active", "active")
RECOVERED = ("recovered", "train_recovered_nats")
ELBO = ("elbo", "train_elbo_nats")
FAMILIES = (
    ("mig",),
    ("dci_disentanglement",),
    ELBO,
    RECONSTRUCTION,
    ("mean_kl", "kl", "train_kl_nats", "kl_nats"),
    CORRELATION,
    ACTIVE,
    RECOVERED,
)
"""What a reader of any study looks for first. Those of a family say nearly the same, the first one the most."""


def coordinates(table: pa.Table, axes: Iterable[str] = ()) -> list[str]:
    """The study's columns that say which model a row is of: a study has them first, and the seed last of them.

    `axes` are the sweep's own, where the table has these too; a run's curves have none.
    """
    others = {*OWN, *axes}
    names = [name for name in table.column_names if name not in others]
    return names[: names.index(SEED) + 1] if SEED in names else []


def measures(table: pa.Table, axes: Iterable[str] = ()) -> list[str]:
    """The study's columns of numbers that say what came of a model, in the table's order."""
    axes = [*axes]
    others = {*OWN, *axes, *coordinates(table, axes)}
    return [field.name for field in table.schema if field.name not in others and _counts(field.type)]


def most_telling(names: Sequence[str]) -> list[str]:
    """Of each family of measures the first that is among them."""
    found = (next((name for name in family if name in names), None) for family in FAMILIES)
    return [name for name in found if name is not None]


def _counts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
