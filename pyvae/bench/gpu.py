"""What the benchmarks need on a GPU: its ceilings, times by CUDA events, peak memory of the allocator."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from pyvae.bench.cases import DENSITIES, Case
from pyvae.bench.contest import Contest, failure
from pyvae.bench.engine import Effort, Engine
from pyvae.bench.memory import ProbeError
from pyvae.bench.providers import Evaluation, Outputs, evaluation
from pyvae.bench.work import bytes_moved, exponentials, gpu_instructions, philox_blocks
from pyvae.ops.ceilings import gpu_copy, gpu_operations_per_second

T = TypeVar("T")

COPY_BYTES = 2**30
"""A buffer far beyond the caches."""

COPY_ROUNDS = 10

SAMPLE_SECONDS = 0.005
"""Evaluations are timed in a row for about this long, so that the GPU does not wait for Python between them."""

MOST_IN_A_ROW = 200


@dataclass(frozen=True)
class GpuCeilings:
    """A GPU's best rates: in registers multiply-adds, exponentials and Philox blocks, and bytes read + written."""

    multiply_adds_per_second: float
    exponentials_per_second: float
    philox_blocks_per_second: float
    copy_bytes_per_second: float

    def floors(self, case: Case) -> dict[str, float]:
        """Seconds that a case takes at least, by each ceiling that concerns it."""
        if case.op in DENSITIES:
            return {
                "fma": gpu_instructions(case) / self.multiply_adds_per_second,
                "ex2": exponentials(case) / self.exponentials_per_second,
            }
        return {
            "copy": bytes_moved(case) / self.copy_bytes_per_second,
            "philox": philox_blocks(case) / self.philox_blocks_per_second,
        }

    def share(self, case: Case, seconds: float) -> tuple[str, float]:
        """The tighter ceiling of a case, and the fraction of it that `seconds` amounts to."""
        name, floor = max(self.floors(case).items(), key=lambda item: item[1])
        return name, floor / seconds


def measure_ceilings(device: str) -> GpuCeilings:
    """Takes about two seconds."""
    on = torch.device(device)
    multiply_adds, exps, blocks = (gpu_operations_per_second(name, on) for name in ("multiply_add", "exp2", "philox"))
    return GpuCeilings(multiply_adds, exps, blocks, copy_bytes_per_second(on))


def copy_bytes_per_second(device: torch.device, size: int = COPY_BYTES, rounds: int = COPY_ROUNDS) -> float:
    """Bytes read plus bytes written by the faster of torch's copy and pyvae's own; the best of `rounds`."""
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    copies: tuple[Callable[[], Tensor], ...] = (lambda: target.copy_(source), lambda: gpu_copy(source))
    best = min(event_seconds(copy, 1)[0] for _ in range(rounds) for copy in copies)
    return 2 * size / best


def event_seconds(evaluate: Callable[[], T], repeats: int) -> tuple[float, T]:
    """Seconds of one of `repeats` evaluations in a row on an idle GPU, and what the last returned."""
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        outputs = evaluate()
    end.record()
    end.synchronize()
    return 1e-3 * start.elapsed_time(end) / repeats, outputs


class EventContest(Contest):
    """A contest on a GPU: a sample is the mean of evaluations in a row between two events; one goes before it."""

    def _measure(self, evaluate: Evaluation) -> tuple[float, Outputs]:
        alone, outputs = event_seconds(evaluate, 1)
        repeats = min(MOST_IN_A_ROW, int(SAMPLE_SECONDS / max(alone, 1e-9)))
        return event_seconds(evaluate, repeats) if repeats > 1 else (alone, outputs)

    def _settles(self, name: str) -> bool:
        return False


def peak_bytes(case: Case, provider: str, threads: int, limit: int, *, device: str) -> int:
    """Bytes that one evaluation adds at its peak to what torch's allocator holds, outputs and gradients included.

    `threads` and `limit` are those of a probe on the CPU and not used.

    Raises:
        ProbeError: if it needs more than the GPU has, or fails.
    """
    try:
        run = evaluation(provider, case, device)
        run()  # compiles, and makes the cotangents
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
    except torch.OutOfMemoryError:
        raise ProbeError("needs more memory than the GPU has") from None
    except Exception as error:  # whatever a provider raises, such as a compiler that is not there
        raise ProbeError(failure(error)) from None
    finally:
        torch.cuda.empty_cache()
    return torch.cuda.max_memory_allocated() - before


def gpu_engine(ceilings: GpuCeilings, effort: Effort, device: str, providers: Callable[[Case], list[str]]) -> Engine:
    """An engine whose evaluations run on the GPU."""
    return Engine(
        ceilings,
        effort,
        providers=providers,
        build=partial(evaluation, device=device),
        contest=EventContest,
        probe=partial(peak_bytes, device=device),
    )
