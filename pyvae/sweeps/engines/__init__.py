"""Who works at a sweep's shards, by name."""

from collections.abc import Sequence

from pyvae.sweeps.engines.engine import Workers
from pyvae.sweeps.errors import SweepError

NAMES = ("local", "ray", "slurm")
"""Every engine, the default first."""


def workers_named(
    name: str,
    *,
    workers: int | None = None,
    threads: int | None = None,
    address: str | None = None,
    slurm: Sequence[str] = (),
) -> Workers:
    """The engine of that name, which works at so many shards at a time with so many threads each.

    `address` is that of a Ray cluster to join, `slurm` are options for sbatch. Raises SweepError for another name, for
    what is another engine's, and where the engine cannot work here.
    """
    for option, given, whose in (("address", address is not None, "ray"), ("slurm", bool(slurm), "slurm")):
        if given and name != whose:
            raise SweepError(f"{option} is for engine {whose} alone, got it with engine {name}")
    if name == "local":
        from pyvae.sweeps.engines.local import Local

        return Local(workers, threads)
    if name == "ray":
        from pyvae.sweeps.engines.ray import Ray

        return Ray(workers, threads, address)
    if name == "slurm":
        from pyvae.sweeps.engines.slurm import Slurm

        return Slurm(workers, threads, slurm)
    raise SweepError(f"engine must be one of {', '.join(NAMES)}, got {name}")
