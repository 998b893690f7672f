"""What a user of a study can put right."""

from pyvae.errors import UserError


class StudyError(UserError):
    """The study cannot run as asked; the message is one sentence that says why."""


class Busy(StudyError):
    """Another process is at work in the folder."""
