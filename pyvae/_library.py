"""Loads the compiled op libraries that lie beside the package, once, when pyvae is imported."""

import importlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import torch

BUILD_HINT = "build it with `make build`, or install a wheel made by `make wheel`"


_folders: list[Path] = []
"""The package's folders: an editable install keeps the libraries apart from the sources."""


def _find(name: str) -> Path | None:
    candidates = (folder / name for folder in _folders)
    return next((path for path in candidates if path.is_file()), None)


def load(folders: Iterable[str]) -> None:
    """Registers the ops with torch, from libraries in one of the package's folders.

    Raises:
        ImportError: if the compiled library is missing or does not load, with what to do about it.
    """
    _folders[:] = map(Path, folders)
    path = _find("libpyvae_ops.so")
    if path is None:
        raise ImportError(f"pyvae's compiled library libpyvae_ops.so is not installed: {BUILD_HINT}.")
    _load(path)
    cuda_path = _find("libpyvae_ops_cuda.so")
    if torch.version.cuda is not None and cuda_path is not None:
        _load(cuda_path)


def _load(path: Path) -> None:
    try:
        torch.ops.load_library(path)
    except OSError as error:
        raise ImportError(
            f"pyvae's compiled library {path.name} does not load with torch {torch.__version__} "
            f"(torch 2.11 or later is needed, and for CUDA one of the same major CUDA version): {BUILD_HINT}; {error}"
        ) from error


def has_cuda_kernels() -> bool:
    """Whether this installation holds CUDA kernels and this torch can run them."""
    return torch.version.cuda is not None and _find("libpyvae_ops_cuda.so") is not None


def build_facts() -> dict[str, object]:
    """Facts of the compiled part: version, compiler, oldest torch, CUDA, and the instruction sets of this processor."""
    try:
        module = importlib.import_module("pyvae._C")
    except ImportError:  # a wheel carries no _C: it would tie the wheel to one Python
        from pyvae.ops import machine

        text = machine.build_info()
    else:
        text = module.build_info()
    facts: dict[str, object] = json.loads(text)
    return facts


# A child forked after a parallel region inherits a thread pool without threads and would wait for it forever.
os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
