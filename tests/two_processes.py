"""Two processes that are a group of torch.distributed, for what a mesh or a sharded model does."""

import importlib
import multiprocessing
import multiprocessing.forkserver
import os
import socket
import traceback
from typing import Any

import torch
import torch.distributed as dist

from tests.progress import say


def in_two_processes(module: str, function: str, *arguments: Any) -> list[Any]:
    """What a module's function of (rank, *arguments) returns in each of two processes that are one group on the CPU;
    where one fails, an AssertionError with its traceback.
    """
    context = multiprocessing.get_context("forkserver")  # one process imports for all that follow
    context.set_forkserver_preload(["torch.distributed.fsdp", "torch.distributed.tensor.debug", "pyvae", "pytest"])
    queue = context.Queue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        context.Process(target=_run, args=(rank, port, queue, module, function, arguments), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        _start(process)
    try:
        found: dict[int, Any] = {}
        for _ in processes:
            rank, result, error = queue.get(timeout=600)
            assert error is None, error
            found[rank] = result
        for process in processes:
            process.join(timeout=60)
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()
    return [found[0], found[1]]


def _start(process: Any) -> None:
    """The server that forks has twice been gone on a busy machine before it forked anything: it is started again then,
    and how it ended is told.
    """
    try:
        process.start()
    except ConnectionError as gone:
        pid = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        say(f"the server of processes is gone ({gone}; {os.waitpid(pid, os.WNOHANG)}); once more")
        process.start()


def _run(rank: int, port: int, queue: Any, module: str, function: str, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    store = dist.TCPStore("127.0.0.1", port, 2, rank == 0)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    try:
        queue.put((rank, getattr(importlib.import_module(module), function)(rank, *arguments), None))
    except BaseException:
        queue.put((rank, None, traceback.format_exc()))
    dist.destroy_process_group()
