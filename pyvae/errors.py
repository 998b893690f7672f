"""What a user can put right, and what a user asked for: the command line prints the sentence and leaves."""


class UserError(ValueError):
    """The work cannot be done as asked; the message is one sentence that says why."""


class Interrupted(Exception):
    """The work was asked to stop and kept what was done; the message says how to go on."""
