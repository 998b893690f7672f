"""What a user can put right: the command line prints the sentence and leaves without a traceback."""


class StudyError(ValueError):
    """The study cannot run as asked; the message is one sentence that says why."""


class StudyInterrupted(Exception):
    """The study was asked to stop and kept what was done; the message says how to go on."""
