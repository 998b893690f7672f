"""How much a report shows."""

from dataclasses import dataclass

from pyvae.sweeps.errors import SweepError


@dataclass(frozen=True)
class Show:
    """What of a sweep its page shows, and how much of each. Raises SweepError for numbers below 0, or below 2 of images
    and points.
    """

    best: int = 12
    """Configurations of which pictures and places in the ranking are shown, the best first,"""
    worst: int = 3
    """and the last ones."""
    measures: tuple[str, ...] = ()
    """Columns of numbers that maps and rankings are of; a choice of those that tell most by default."""
    rows: int = 2000
    """Of the table of all models at most."""
    images: int = 8
    """Test images beside their reconstructions, and steps of a traversal."""
    latents: int = 4
    """Traversed in each pane, those most in use."""
    points: int = 500
    """Test images that say which latents these are."""

    def __post_init__(self) -> None:
        for name, least in (("best", 0), ("worst", 0), ("rows", 0), ("latents", 0), ("images", 2), ("points", 2)):
            if getattr(self, name) < least:
                raise SweepError(f"{name} must be at least {least}, got {getattr(self, name)}")
