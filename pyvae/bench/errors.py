"""What a user can put right: the command line prints the sentence and leaves without a traceback."""


class BenchError(ValueError):
    """The benchmark cannot run as asked, or its providers disagree; the message is one sentence that says why."""
