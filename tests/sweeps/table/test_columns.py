"""Which columns of results are coordinates, which are measures, and which of these tell most."""

import pyarrow as pa

from pyvae.sweeps.table.columns import coordinates, measures, most_telling

OWN = {"cell": ["a"], "shard": ["s"], "status": ["finished"], "reason": pa.array([None], pa.string())}
AXES = {"objective": ["x"], "seeds": [0]}
WHICH = {"group": ["own"], "no_objectives_name": [0.5], "seed": [0]}
WHAT = {"steps_taken": [10], "finite": [True], "elbo": [-3.0], "note": ["text"], "per_latent": [[1.0]]}


def test_the_studys_columns_are_coordinates_up_to_the_seed_and_then_measures() -> None:
    table = pa.table({**OWN, **AXES, **WHICH, **WHAT})
    assert coordinates(table, AXES) == [*WHICH]
    assert measures(table, AXES) == ["steps_taken", "elbo"]
    assert coordinates(table, iter(AXES)) == [*WHICH] and measures(table, iter(AXES)) == ["steps_taken", "elbo"]


def test_of_curves_and_of_cells_that_failed() -> None:
    assert coordinates(pa.table({**WHICH, "step": [1], "kl": [0.5], "split": ["train"]})) == [*WHICH]
    assert coordinates(pa.table({**OWN, **AXES}), AXES) == measures(pa.table({**OWN, **AXES}), AXES) == []


def test_one_of_each_family_tells_most_and_scores_come_first() -> None:
    assert most_telling(["squared_error", "reconstruction", "own", "kl", "mean_kl", "train_active", "mig"]) == [
        *("mig", "reconstruction", "mean_kl", "train_active")
    ]
    assert most_telling(["own"]) == []
