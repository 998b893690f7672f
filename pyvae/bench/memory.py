"""Peak memory of one evaluation above what its process held before, each in a process of its own.

The processes are forks of a server that has imported torch and never run a parallel region. Linux alone tells a peak
that can be reset.
"""

import ctypes
import multiprocessing
import re
import resource
import signal
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from pyvae.bench.cases import Case
from pyvae.bench.contest import failure
from pyvae.bench.providers import COMPILED, evaluation

_PRELOAD = ["pyvae.bench.memory", "torch._dynamo", "torch._inductor.compile_fx"]
_RESET_PEAK = "5"  # what proc(5) has for /proc/self/clear_refs
_SMALL_ROWS = 64


class ProbeError(Exception):
    """No figure; the message says why."""


def supported() -> bool:
    """Whether this system tells a process its peak memory."""
    return Path("/proc/self/status").is_file()


def available_bytes() -> int:
    """Memory that new processes can have without swapping."""
    return kibibytes("MemAvailable", "/proc/meminfo") * 1024


def peak_bytes(case: Case, provider: str, threads: int, limit: int) -> int:
    """Bytes that one evaluation adds at its peak, outputs and gradients included, inputs not.

    Raises:
        ProbeError: if it needs more than `limit` bytes, or the process fails.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_probe, args=(case, provider, threads, limit, sender), daemon=True)
    process.start()
    sender.close()
    try:
        answer: int | str = receiver.recv()
    except EOFError:
        process.join()
        raise ProbeError(f"the process that was to measure its memory ended with code {process.exitcode}") from None
    except BaseException:  # an interruption: nobody waits for the figure
        process.terminate()
        raise
    finally:
        process.join()
    if isinstance(answer, str):
        raise ProbeError(answer)
    return answer


def _probe(case: Case, provider: str, threads: int, limit: int, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C reaches the whole group; the parent decides
    torch.set_num_threads(threads)
    try:
        sender.send(_peak(case, provider, limit))
    except Exception as error:  # whatever a provider raises, such as a compiler that is not there
        exhausted = isinstance(error, RuntimeError | MemoryError) and "memory" in str(error)
        sender.send(f"needs more than {limit / 1e9:.1f} GB" if exhausted else failure(error))


def _peak(case: Case, provider: str, limit: int) -> int:
    if provider == COMPILED:  # compiled for these sizes and no others
        run = evaluation(provider, case)
        run()
    else:
        evaluation(provider, replace(case, rows=min(case.rows, _SMALL_ROWS)))()
        run = evaluation(provider, case)
    _trim()
    _limit_growth(limit)
    before = _reset_peak()
    outputs = run()
    peak = kibibytes("VmHWM") * 1024
    del outputs  # not before the peak is read
    return peak - before


def _trim() -> None:
    """Gives freed memory back, so that what is measured is not hidden in it; glibc alone can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _limit_growth(limit: int) -> None:
    """Lets allocations beyond `limit` fail instead of the machine."""
    ceiling = kibibytes("VmData") * 1024 + limit
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling if hard == resource.RLIM_INFINITY else min(ceiling, hard), hard))


def _reset_peak() -> int:
    """Bytes resident now. Where the peak cannot be reset, an earlier one stands and the result is an upper bound."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    return kibibytes("VmRSS") * 1024


def kibibytes(field: str, file: str = "/proc/self/status") -> int:
    """What the kernel knows of this process, such as VmHWM, its own peak, where getrusage starts from its parent's."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(file).read_text(), re.MULTILINE)
    assert found is not None, field
    return int(found[1])
