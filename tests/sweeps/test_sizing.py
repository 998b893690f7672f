"""How many cells a shard has, where measurements and memory are known."""

import pytest

from pyvae.sweeps import sizing
from pyvae.sweeps.planning.packing import blocks
from pyvae.sweeps.planning.plan import Plan, plan_of
from pyvae.sweeps.sizing import Size, free_memory, memory_of, sized, step_seconds
from tests.sweeps.tiny import tiny

GB = 1 << 30


def of_seeds(count: int) -> Plan:
    return plan_of(tiny({"strengths": [1.0, 4.0], "seeds": list(range(count // 2))}))


def size(plan: Plan, slots: int = 1, free: int = 64 * GB) -> Size:
    return sized(plan, blocks(plan, plan.cells), slots, free)


@pytest.fixture
def measured(monkeypatch):
    """Steps take what a function of the number of cells says; returns the sizes that were asked for."""
    asked: list[int] = []

    def put(of: object) -> list[int]:
        def told(plan, block, sizes):
            asked.extend(sizes)
            return {size: of(size) for size in sizes}

        monkeypatch.setattr(sizing, "step_seconds", told)
        return asked

    return put


def test_the_smallest_size_is_taken_that_is_nearly_as_fast_as_any(measured) -> None:
    measured(lambda cells: max(1 / cells, 0.24))
    assert size(of_seeds(64)).cells == 4
    measured(lambda cells: max(1 / cells, 0.2))
    assert size(of_seeds(64)).cells == 8


def test_the_largest_size_is_taken_where_more_would_be_faster_still(measured) -> None:
    measured(lambda cells: 1 / cells)
    assert size(of_seeds(48)).cells == 24  # two shards for the worker


def test_each_worker_has_two_shards_at_least(measured) -> None:
    asked = measured(lambda cells: 1 / cells)
    assert size(of_seeds(64), slots=4).cells == 8 and max(asked) == 8
    assert size(of_seeds(64), slots=64).cells == 1


def test_memory_bounds_a_shard_and_one_cell_is_always_tried(measured) -> None:
    measured(lambda cells: 1 / cells)
    plan = of_seeds(64)
    each = memory_of(plan.study, plan.config_of(plan.cells[:1]))
    assert size(plan, slots=2, free=int(2 * 4.5 * each / sizing.SHARE_OF_MEMORY)).cells == 4
    assert size(plan, free=1).cells == 1


def test_memory_is_that_of_values_gradients_moments_and_activations() -> None:
    plan = plan_of(tiny({"seeds": [0]}, strengths=[1.0], hidden=[32], latents=16, side=16, batch_size=64))
    numbers = 256 * 32 + 32 + 32 * 32 + 32 + 16 * 32 + 32 + 32 * 256 + 256
    widths = 32 + 32 + 32 + 256
    assert memory_of(plan.study, plan.config_of(plan.cells)) == 4 * (4 * numbers + 64 * 2 * (widths + 256))


def test_steps_are_measured_for_every_size() -> None:
    plan = of_seeds(8)
    found = step_seconds(plan, plan.cells, [1, 4])
    assert list(found) == [1, 4] and all(0 < seconds < 1 for seconds in found.values())


def test_a_size_is_told_with_what_it_rests_on() -> None:
    told = Size(4, {1: 2e-3, 2: 1.5e-3, 4: 1e-3}, 2_000_000).told(3)
    assert told.startswith("3 shards of at most 4 cells, 8 MB of models each; a model's step takes 1 ms with 4 cells ")
    assert told.endswith("together, 2 ms alone")
    assert Size(1, {}, 2_000_000).told(1) == "1 shard of at most 1 cell, 2 MB of models each"


def test_memory_is_free_here_and_no_more_than_the_control_group_has(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sizing, "GROUP", tmp_path)
    here = free_memory()
    assert here > 1 << 20
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert free_memory() == 4_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory() > here / 2
