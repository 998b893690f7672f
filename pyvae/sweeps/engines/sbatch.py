"""What a user says of SLURM jobs, as submitit's parameters."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pyvae.sweeps.errors import SweepError

MINUTES = 60
"""A job's time where nobody says."""
OURS = ("array", "error", "job_name", "nodes", "ntasks", "ntasks_per_node", "open_mode", "output", "signal")
"""Options of sbatch that are the engine's."""
SEVERAL = ("setup", "teardown", "srun_args")
"""Of submitit: lines of the job's script, and words of its call of srun, each by an option of its own."""
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


def parsed(options: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE by key, with _ for -; of one without a value True, of SEVERAL all values."""
    asked: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        key = key.strip().lstrip("-").replace("-", "_")
        if not key:
            raise SweepError(f"slurm must be KEY=VALUE, such as partition=gpu, got {option!r}")
        if key in OURS:
            raise SweepError(f"slurm must not set {key}, which the sweep sets itself, got {option!r}")
        if key in SEVERAL:
            asked.setdefault(key, []).append(value)
        else:
            asked[key] = value.strip() if equals else True
    _check(asked)
    return asked


def _check(asked: Mapping[str, Any]) -> None:
    if asked.get("cluster", "slurm") not in ("slurm", "local"):
        raise SweepError(f"cluster of slurm must be slurm or local, got {asked['cluster']}")
    for key in ("cpus_per_task", "signal_delay_s"):
        if key in asked and not (str(asked[key]).isdecimal() and int(asked[key])):
            raise SweepError(f"{key} of slurm must be a whole number of at least 1, got {asked[key]}")


def parameters(asked: Mapping[str, Any], slots: int, threads: int) -> dict[str, Any]:
    """Of submitit's AutoExecutor. What it has no name for goes to sbatch as it is."""
    more = dict(asked)
    named: dict[str, Any] = {
        "name": more.pop("name", "pyvae"),
        "timeout_min": minutes(str(more.pop("time", MINUTES))),
        "cpus_per_task": int(more.pop("cpus_per_task", threads)),
        "slurm_array_parallelism": slots,
    }
    named |= {f"slurm_{key}": more.pop(key) for key in SEVERAL if key in more}
    if "signal_delay_s" in more:
        named["slurm_signal_delay_s"] = int(more.pop("signal_delay_s"))
    return {**named, "slurm_additional_parameters": {key.replace("_", "-"): value for key, value in more.items()}}


def minutes(time: str) -> int:
    """sbatch's "minutes", "minutes:seconds", "hours:minutes:seconds", "days-hours", "days-hours:minutes" and
    "days-hours:minutes:seconds" in minutes.

    submitit hands any of them to sbatch, but a job with another than the first raises TypeError when its time is up.
    """
    found = _TIME.fullmatch(time)
    if found is None:
        raise SweepError(f"time of slurm must be minutes, or as in 4:00:00 or 1-12:00:00, got {time}")
    days, *parts = (None if part is None else int(part) for part in found.groups())
    first, second, third = parts[0] or 0, parts[1], parts[2]
    if days is not None:
        seconds = 86400 * days + 3600 * first + 60 * (second or 0) + (third or 0)
    elif third is not None:
        seconds = 3600 * first + 60 * (second or 0) + third
    else:
        seconds = 60 * first + (second or 0)
    if not seconds:
        raise SweepError(f"time of slurm must be longer than nothing, got {time}")
    return -(-seconds // 60)
