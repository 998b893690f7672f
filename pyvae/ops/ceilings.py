"""What this machine reaches at best, for benchmarks: multiply-adds on the CPU; on a GPU also exponentials and noise."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

_CALIBRATION = 100_000
"""Rounds of a first try: below a millisecond, and long enough to wake every thread and to judge the speed by."""

_TRIES = 20
"""Calls whose best counts: one that waited for a processor says nothing about the ceiling."""


def multiply_adds_per_second(seconds: float = 0.3) -> float:
    """float32 multiply-adds per second, every lane counted, of the current instruction set on torch's threads.

    The best of about 20 runs in `seconds`, all in registers: a ceiling, not a mean. "baseline" has no fused instruction
    on x86-64 and multiplies and adds in two.

    Raises:
        ValueError: for seconds that are not greater than 0.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be greater than 0, got {seconds!r}.")
    pieces = torch.get_num_threads()
    rate = max(_rate(_CALIBRATION, pieces) for _ in range(_TRIES))
    per_iteration = torch.ops.pyvae.multiply_add(1, pieces)
    iterations = max(_CALIBRATION, int(rate * seconds / _TRIES / per_iteration))
    return max(_rate(iterations, pieces) for _ in range(_TRIES))


def _rate(iterations: int, pieces: int) -> float:
    start = time.perf_counter()
    done: int = torch.ops.pyvae.multiply_add(iterations, pieces)
    return done / (time.perf_counter() - start)


_GPU_BLOCKS_PER_MULTIPROCESSOR = 8
"""Blocks of 256 threads that fill a multiprocessor (csrc/kernels/ceilings.h)."""

_GPU_TRIES = 10


def gpu_operations_per_second(operation: str, device: torch.device, seconds: float = 0.02) -> float:
    """Operations per second in registers on a GPU, every thread counted; the best of 10 runs of about `seconds`.

    Args:
        operation: "multiply_add" (float32), "exp2" (the hardware's instruction) or "philox" (blocks of four words).
        device: a CUDA device.
        seconds: how long a run is to take.
    """
    run = getattr(torch.ops.pyvae, f"ceiling_{operation}")
    on = torch.empty(0, device=device)
    blocks = _GPU_BLOCKS_PER_MULTIPROCESSOR * torch.cuda.get_device_properties(device).multi_processor_count
    _gpu_rate(run, on, blocks, 1000)  # loads the kernel
    rate = _gpu_rate(run, on, blocks, 1000)
    _, each = run(on, blocks, 1)
    iterations = max(1000, int(rate * seconds / each))
    return max(_gpu_rate(run, on, blocks, iterations) for _ in range(_GPU_TRIES))


def gpu_copy(source: Tensor) -> Tensor:
    """A copy of a contiguous float32 tensor on a GPU, by 16 bytes per thread."""
    copied: Tensor = torch.ops.pyvae.ceiling_copy(source)
    return copied


def _gpu_rate(run: Callable[..., tuple[Tensor, int]], on: Tensor, blocks: int, iterations: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    _, done = run(on, blocks, iterations)
    end.record()
    end.synchronize()
    seconds: float = 1e-3 * start.elapsed_time(end)
    return done / seconds
