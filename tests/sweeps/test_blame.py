"""Whom an exception is laid to."""

import errno

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from pyvae.studies.data_held import DataProblem
from pyvae.studies.errors import StudyError
from pyvae.sweeps.blame import blamed, unwrapped


def raised_by(call) -> BaseException:
    with pytest.raises(BaseException) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        raised_by(lambda: torch.empty(1 << 55)),
        raised_by(lambda: np.empty(1 << 55)),
    ],
    ids=["python", "system", "torch", "numpy"],
)
def test_memory_that_ends_is_nobodys_fault_but_the_memorys(problem) -> None:
    assert blamed(problem) == "memory"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_disk_that_does_not_take_files_is_the_machines(number) -> None:
    assert blamed(OSError(number, "told")) == "machine"
    wrapped = SafetensorError(f"Error while serializing: I/O error: told (os error {number})")
    assert blamed(wrapped) == "machine" and unwrapped(wrapped).errno == number


def test_data_that_are_gone_are_the_machines_and_all_else_is_the_cells() -> None:
    assert blamed(DataProblem("gone")) == "machine"
    for problem in (
        StudyError("no"), ValueError("no"), RuntimeError("no"), FileNotFoundError(2, "no"), SafetensorError("no"),
    ):  # fmt: skip
        assert blamed(problem) == "cell" and unwrapped(problem) is problem
