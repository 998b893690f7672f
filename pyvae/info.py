"""What this installation is and runs on: the facts behind `pyvae info`."""

import platform

import torch

from pyvae import _library
from pyvae.ops import cpu_isa


def facts() -> dict[str, str]:
    """Label and value, in the order to print them."""
    build = _library.build_facts()
    sets = build["cpu_instruction_sets"]
    assert isinstance(sets, dict)
    available = ", ".join(name for name, here in sets.items() if here)
    return {
        "pyvae": str(build["version"]),
        "built with": f"{build['compiler']}, for torch >= {build['torch_target']}",
        "torch": torch.__version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "cpu kernels": f"{cpu_isa()} (this processor has: {available})",
        "threads": str(torch.get_num_threads()),
        "cuda kernels": _cuda(str(build["cuda"])),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _cuda(build: str) -> str:
    if _library.has_cuda_kernels():
        return build
    if torch.version.cuda is None:
        return "none: this torch has no CUDA"
    return "none: not built (nvcc was not found, or the build said PYVAE_CUDA=OFF)"
