"""The instruction set the CPU kernels run with."""

import torch

_LEVELS = {"baseline": 0, "avx2": 1, "avx512": 2}


def cpu_isa() -> str:
    """Name of the instruction set that CPU kernels run with now: "baseline", "avx2" or "avx512"."""
    name: str = torch.ops.pyvae.cpu_isa()
    return name


def set_cpu_isa(name: str) -> None:
    """Caps the instruction set of the CPU kernels, process-wide, for tests and for results equal across machines.

    Args:
        name: "baseline", "avx2" or "avx512"; the best set of the processor that is not above it is used.

    Raises:
        ValueError: for any other name.
    """
    if name not in _LEVELS:
        raise ValueError(f"name must be one of {', '.join(map(repr, _LEVELS))}, got {name!r}.")
    torch.ops.pyvae.cap_cpu_isa(_LEVELS[name])


def build_info() -> str:
    """Facts of the build as a JSON object, from the op library."""
    text: str = torch.ops.pyvae.build_info()
    return text
