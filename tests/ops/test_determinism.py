"""The same bits for any number of threads, from many Python threads at once, and in a forked child."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops.joint_log_density import joint_log_density
from tests.ops.catalogue import USES, Op
from tests.ops.contract import assert_bit_equal, cotangents_for, gradients

# Cut by threads at places that no vector or tile ends at.
ELEMENTWISE_SHAPES, DENSITY_SHAPES = [(5003, 7), (3, 1021, 33)], [(2, 301, 7), (1031, 10), (5, 67, 3)]
CASES = [(op, shape) for op in USES for shape in (DENSITY_SHAPES if op.has_pairs else ELEMENTWISE_SHAPES)]


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts torch's number of threads back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def results(op: Op, inputs: list[Tensor]) -> list[Tensor]:
    return [*op.function(*inputs), *gradients(op.function, inputs)]


def assert_all_bit_equal(a: list[Tensor], b: list[Tensor]) -> None:
    for x, y in zip(a, b, strict=True):
        assert_bit_equal(x, y)


@pytest.mark.parametrize(("op", "shape", "dtype"), [(*c, t) for c in CASES for t in c[0].dtypes], ids=str)
def test_any_number_of_threads(isa: str, threads: None, op: Op, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    inputs = op.inputs(*shape, dtype=dtype)
    torch.set_num_threads(1)
    alone = results(op, inputs)
    for count in (2, 3, 7, 16):
        torch.set_num_threads(count)
        assert_all_bit_equal(results(op, inputs), alone)


@pytest.mark.parametrize("op_name", ["minibatch_log_density", "joint_log_density"])
def test_shares_of_a_backward_that_take_turns(threads: None, op_name: str) -> None:
    """So many numbers that the shares outnumber the copies of the rows' sums: four turns. 64 threads, too, change no
    bit, and the gradients are those of few rows at a time, which take none.
    """
    queries, columns, latents = 1024, 4096, 256
    inputs = [torch.randn(rows, latents) / 16 for rows in (queries, columns, columns)]

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        if op_name == "joint_log_density":
            return (joint_log_density(*t, 1, 0),)
        return tuple(pyvae.minibatch_log_density(*t, estimator="full", method="exact"))

    torch.set_num_threads(1)
    alone = gradients(op, inputs)
    for count in (16, 64):
        torch.set_num_threads(count)
        assert_all_bit_equal(gradients(op, inputs), alone)
    leaves = [t.clone().requires_grad_() for t in inputs]
    cotangents = cotangents_for(op(*inputs))
    for first in range(0, queries, 64):
        outputs = op(leaves[0][first : first + 64], *leaves[1:])
        torch.autograd.backward(outputs, [t[first : first + 64] for t in cotangents])
    for leaf, grad in zip(leaves, alone, strict=True):
        assert leaf.grad is not None
        torch.testing.assert_close(grad, leaf.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("op", USES, ids=str)
def test_eight_python_threads_at_once(isa: str, op: Op) -> None:
    inputs = op.inputs(2, 301, 7)
    alone = results(op, inputs)
    with ThreadPoolExecutor(8) as pool:
        for together in pool.map(lambda _: results(op, inputs), range(32)):
            assert_all_bit_equal(together, alone)


def _results_in_child(op: Op, inputs: list[Tensor]) -> list[Tensor]:
    # A torch with CUDA refuses autograd in a child whose parent has used it: the forward is left.
    return list(op.function(*inputs)) if torch.version.cuda else results(op, inputs)


def _compare_in_child(name: str, inputs: list[Tensor], want: list[Tensor]) -> None:
    op = next(op for op in USES if op.name == name)
    assert_all_bit_equal(_results_in_child(op, inputs), want)


@pytest.mark.parametrize("op", USES, ids=str)
def test_a_forked_child_ends_within_ten_seconds(op: Op) -> None:
    inputs = op.inputs(701, 33)
    results(op, inputs)  # a parallel region, whose threads the child will not have
    want = _results_in_child(op, inputs)
    child = multiprocessing.get_context("fork").Process(target=_compare_in_child, args=(op.name, inputs, want))
    child.start()
    child.join(timeout=10)
    ended = child.exitcode is not None
    child.kill()
    assert ended and child.exitcode == 0
