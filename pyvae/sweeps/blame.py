"""Whose fault it is that an attempt at a shard raised: a cell's, its machine's, or that of the memory there."""

import errno
import os
import re
from typing import Literal

from safetensors import SafetensorError

from pyvae.studies.data_held import DataProblem
from pyvae.studies.memory import is_of_memory

Blame = Literal["cell", "machine", "memory"]

MACHINE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM,
    errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT,
)  # fmt: skip
"""What the system says of a disk that is full, broken, read-only, or not to be written, of a quota or a limit that is
used up, and of a file server that does not answer: other shards would end in the same way there.
"""
OF_SYSTEM = re.compile(r"\(os error (\d+)\)")
"""How Rust's libraries, safetensors among them, tell the system's errors: in the text of one of their own."""


def blamed(problem: BaseException) -> Blame:
    """Whom an exception is laid to."""
    problem = unwrapped(problem)
    if isinstance(problem, OSError):
        if problem.errno == errno.ENOMEM:
            return "memory"
        return "machine" if problem.errno in MACHINE else "cell"
    if isinstance(problem, DataProblem):
        return "machine"
    return "memory" if isinstance(problem, RuntimeError | MemoryError) and is_of_memory(problem) else "cell"


def unwrapped(problem: BaseException) -> BaseException:
    """The system's error, where safetensors has wrapped it in one of its own."""
    told = OF_SYSTEM.search(str(problem)) if isinstance(problem, SafetensorError) else None
    return problem if told is None else OSError(int(told[1]), os.strerror(int(told[1])))
