"""What a user says of SLURM jobs, as submitit's parameters."""

import pytest

from pyvae.sweeps.engines.sbatch import minutes, parameters, parsed
from pyvae.sweeps.errors import SweepError


def test_options_are_what_submitit_or_sbatch_calls_them() -> None:
    asked = parsed(
        ["partition=gpu", "--mem-per-cpu=2G", "time=2-0", "exclusive", "setup=module load a=b", "setup=true"]
    )
    assert parameters(asked, slots=7, threads=3) == {
        "name": "pyvae",
        "timeout_min": 2880,
        "cpus_per_task": 3,
        "slurm_array_parallelism": 7,
        "slurm_setup": ["module load a=b", "true"],
        "slurm_additional_parameters": {"partition": "gpu", "mem-per-cpu": "2G", "exclusive": True},
    }
    own = parameters(parsed(["cpus_per_task=8", "name=mine", "signal_delay_s=30"]), slots=1, threads=4)
    assert (own["cpus_per_task"], own["name"], own["slurm_signal_delay_s"], own["timeout_min"]) == (8, "mine", 30, 60)


@pytest.mark.parametrize(
    ("time", "found"),
    [("90", 90), ("90:30", 91), ("4:00:00", 240), ("0:00:01", 1), ("1-12", 2160), ("1-12:30", 2190), ("1-0:0:1", 1441)],
)
def test_times_are_those_of_sbatch(time, found) -> None:
    assert minutes(time) == found


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("=gpu", r"slurm must be KEY=VALUE, such as partition=gpu, got '=gpu'"),
        ("output=log", r"slurm must not set output, which the sweep sets itself, got 'output=log'"),
        ("ntasks-per-node=4", r"slurm must not set ntasks_per_node"),
        ("cluster=moon", r"cluster of slurm must be slurm or local, got moon"),
        ("cpus_per_task=0", r"cpus_per_task of slurm must be a whole number of at least 1, got 0"),
        ("cpus_per_task", r"cpus_per_task of slurm must be a whole number of at least 1, got True"),
        ("time=soon", r"time of slurm must be minutes, or as in 4:00:00 or 1-12:00:00, got soon"),
        ("time=0", r"time of slurm must be longer than nothing, got 0"),
    ],
)
def test_what_cannot_be_is_a_sentence(option, sentence) -> None:
    with pytest.raises(SweepError, match=sentence):
        parameters(parsed([option]), slots=1, threads=1)
