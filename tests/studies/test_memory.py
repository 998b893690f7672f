"""What memory does not hold: said before anything is done, and where it runs out on the way."""

import numpy as np
import pytest
import torch

from pyvae.studies import StudyError, memory
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.memory import check_models_fit, memory_told
from tests.studies.biased_grid.tiny import tiny


def test_models_are_held_against_the_machine(monkeypatch) -> None:
    made = recipe(tiny())
    need = 12 * len(made.cells) * sum(parameter.numel() for parameter in made.model(1, None).parameters())
    monkeypatch.setattr(memory.os, "sysconf", lambda what: 1 if what == "SC_PAGE_SIZE" else need)
    check_models_fit({"": made})
    monkeypatch.setattr(memory.os, "sysconf", lambda what: 1 if what == "SC_PAGE_SIZE" else need - 1)
    with pytest.raises(
        StudyError, match=r"^latents, hidden and the number of models must be .* got 8 models that need"
    ):
        check_models_fit({"": made})


@pytest.mark.parametrize(
    "much", [lambda: torch.zeros(1 << 50), lambda: np.zeros(1 << 55), lambda: torch.zeros(1 << 62)]
)
def test_what_cannot_be_had_is_a_sentence(much) -> None:
    with pytest.raises(StudyError, match=r"^memory must be enough for the run, and it is not: ") as told, memory_told():
        much()
    assert told.value.__cause__ is not None


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match=r"^mine$"), memory_told():
        raise RuntimeError("mine")
