"""What a user of sweeps can put right."""

from pyvae.errors import UserError


class SweepError(UserError):
    """A sweep that cannot be run as asked; the message is one sentence."""
