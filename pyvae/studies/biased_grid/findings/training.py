"""What a run's training says of its findings: whether it can have been too short, and what would show it."""

from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.recipe import recipe

LONGER = 4
"""Times as many steps are worth trying where those of a run may have been too few."""


def may_be_too_short(config: BiasedGridConfig) -> bool:
    """Whether models were trained for a fixed number of steps, converged or not."""
    return config.training.patience is None


def longer(config: BiasedGridConfig) -> int:
    """The steps to try next where a run may have been too short."""
    return LONGER * config.training.steps


def how_to_settle(config: BiasedGridConfig) -> str:
    """What may settle a question that a run leaves open, as a sentence."""
    if may_be_too_short(config):
        return (
            f"A run of {config.training.steps} steps may be too short to tell: --set steps={longer(config)} trains "
            "longer, and --preset long until nothing improves."
        )
    return f"More seeds narrow the intervals: --set seeds={','.join(map(str, more_seeds(config)))}."


def more_seeds(config: BiasedGridConfig) -> tuple[int, ...]:
    """Twice as many seeds, from 0."""
    return tuple(range(2 * len(config.axes.seeds)))


def convergence(config: BiasedGridConfig) -> str:
    """How far too little training may explain what a run shows, as half a sentence."""
    if not may_be_too_short(config):
        return "each model was trained until its objective stopped improving, so too little of it is an unlikely reason"
    steps, options = config.training.steps, config.objective.options
    if ramp := options["warmup_steps"]:
        beta = f"β on its way up for {min(ramp, steps)} of them"
    else:
        beta = "a constant β" if options["schedule"] == "constant" else f"β as {options['schedule']} has it"
    return (
        f"training ended after {steps} steps, with {beta}, converged or not, so too little of it is a possible reason"
    )


def warm_up(config: BiasedGridConfig) -> str:
    """That training ended before β had its value, where it is so, as a sentence; else empty."""
    warning = recipe(config).warning
    return f"Every β here stands for less than it says: {warning}." if warning else ""
