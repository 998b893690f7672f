"""Worker threads of training, and what they set for themselves."""

import torch
from torch import Tensor

from pyvae.training.workers import workers

SMALLEST_NORMAL = torch.finfo(torch.float32).tiny


def half(x: float) -> Tensor:
    return torch.full((64,), x) * 0.5


def test_workers_take_subnormal_numbers_as_zero_and_leave_the_caller_alone() -> None:
    before = torch.get_num_threads()
    with workers() as pool:
        assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {1}
        halves = list(pool.map(half, [SMALLEST_NORMAL] * 8))
    assert all(torch.equal(found, torch.zeros(64)) for found in halves)
    assert half(SMALLEST_NORMAL)[0] > 0
    assert torch.get_num_threads() == before


def test_adam_moments_of_a_weight_without_gradient_reach_zero_in_a_worker() -> None:
    def moment() -> Tensor:
        weight = torch.ones(64, requires_grad=True)
        adam = torch.optim.Adam([weight], fused=True)
        for step in range(1200):
            weight.grad = torch.full((64,), 1.0 if step == 0 else 0.0)
            adam.step()
        found: Tensor = adam.state[weight]["exp_avg"]
        return found

    with workers() as pool:
        assert torch.equal(pool.submit(moment).result(), torch.zeros(64))
