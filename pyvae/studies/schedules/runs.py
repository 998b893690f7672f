"""The eight runs of the study's source, as data: schedules of β, and what can be read off the source's plots."""

from dataclasses import dataclass

SOURCE_STEPS = 50_000
"""Of the source's runs, but for the last one; of those at a constant β it does not say."""
SOURCE_NUMBERS = 64 * 64 * 3
"""Of an image of the source, CelebA's faces: pixels times channels."""
CONSTANT = "constant"
ANNEALED, FROM_100, FROM_10000 = "0 to 10", "100 to 1", "10000 to 1"


@dataclass(frozen=True)
class Run:
    """A schedule of β, which is a group of models of the study."""

    name: str
    schedule: str
    """Text of pyvae.losses.schedules; its lengths are shares of the run, so that a shorter run has a shorter one."""
    end: float | None
    """β at the end; None for the constant ones, of which the config lists the values."""
    times_steps: float = 1.0
    """Its steps over those that the config asks for."""
    source: str = ""
    """The source's own formula, t being its step."""

    def steps(self, steps: int) -> int:
        """Its steps where the config asks for `steps`."""
        return max(1, round(self.times_steps * steps))


RUNS = {
    run.name: run
    for run in (
        Run(CONSTANT, "constant", None),
        Run(ANNEALED, "warmup(80%)", 10.0, source="min(10, t / 4000), 50 000 steps"),
        Run(FROM_100, "linear(100, 1, 79.2%)", 1.0, source="max(1, 100 - t / 400), 50 000 steps"),
        Run(FROM_10000, "linear(10000, 1, 79.992%)", 1.0, 2.5, source="max(1, 10000 - t / 10), 125 000 steps"),
    )
}
"""By the names of the groups. 79.2 % of 50 000 are the 39 600 steps in which 100 - t / 400 falls to 1."""


@dataclass(frozen=True)
class Read:
    """KL in nats and mean posterior standard deviation at the end of a run, read off a plot of the source."""

    kl: float
    std: float


READ_OFF: dict[tuple[str, float], Read] = {
    (CONSTANT, 1.0): Read(40.0, 0.38),
    (CONSTANT, 10.0): Read(9.8, 0.82),
    (CONSTANT, 1000.0): Read(0.0, 1.0),
    (CONSTANT, 10000.0): Read(0.0, 1.0),
    (FROM_100, 1.0): Read(28.5, 0.58),
}
"""Of those runs of which a value can be read off, by group and by β at the end; each has one seed."""
