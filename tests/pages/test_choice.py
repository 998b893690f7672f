import dataclasses

import pytest

from pyvae.pages.choice import chosen
from pyvae.pages.run import Run, run_of
from pyvae.studies import StudyError
from pyvae.training import product, train
from tests.pages.runs import recipe


@pytest.fixture(scope="module")
def run() -> Run:
    made = recipe(steps=1, cells=product((2.0, -0.5), (1.0, 2.0, 4.0, 8.0, 16.0), (3, 5)))
    return run_of("many", made, train(made))


def cells(run: Run, *filters: str, at_most: int = 9) -> list[tuple[float, float, int]]:
    return [(m.cell.bias, m.cell.strength, m.cell.seed) for m in chosen(run, filters, at_most)]


def test_without_a_filter_a_few_stand_for_all(run: Run) -> None:
    assert cells(run) == [(-0.5, strength, 3) for strength in (1, 2, 4, 8, 16)]
    assert cells(run, at_most=3) == [(-0.5, 1, 3), (-0.5, 4, 3), (-0.5, 16, 3)]
    assert cells(run, at_most=1) == [(-0.5, 1, 3)]


def test_models_meet_all_filters(run: Run) -> None:
    assert cells(run, "beta=2,8", "seed=5", "bias=2") == [(2, 2, 5), (2, 8, 5)]
    assert cells(run, "strength=2,8.0", "bias=2.0", "seed = 5") == [(2, 2, 5), (2, 8, 5)]
    assert len(cells(run, "seed=3")) == 10


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        (["seed"], r"models must be NAME=VALUE\[,VALUE…\], such as seed=0,1, got 'seed'"),
        (["mu=1"], r"models must be chosen by bias, beta, seed, strength, got 'mu'"),
        (["beta=3"], r"beta must be among those of many, 1, 2, 4, 8, 16, got 3"),
        (["beta=x"], r"beta must be numbers separated by commas, got 'x'"),
        (["group=a"], r"models must be chosen by bias, beta, seed, strength, got 'group'"),
        (["beta=2", "beta=4"], r"models must be some of many, and none is of beta=2 and beta=4"),
    ],
)
def test_what_the_run_has_not_is_a_sentence(run: Run, filters, sentence) -> None:
    with pytest.raises(StudyError, match=sentence):
        chosen(run, filters, 4)


def test_groups_are_chosen_by_name(run: Run) -> None:
    made = recipe(steps=1)
    trained = train(made)
    groups = [dataclasses.replace(m, group=g) for g in ("first", "second") for m in run_of("a", made, trained).members]
    several = Run("groups", tuple(groups))
    found = chosen(several, ["group=second"], 4)
    assert [member.name for member in found] == ["second, bias 0, beta 1, seed 0", "second, bias 0, beta 4, seed 0"]
    assert [member.group for member in chosen(several, [], 4)] == ["first", "first", "second", "second"]
    assert [member.group for member in chosen(several, [], 1)] == ["first", "second"]
