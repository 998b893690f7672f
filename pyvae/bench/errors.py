"""What a user of the benchmark can put right."""

from pyvae.errors import UserError


class BenchError(UserError):
    """The benchmark cannot run as asked, or its providers disagree; the message is one sentence that says why."""
