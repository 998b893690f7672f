"""What this installation is and runs on: the facts behind `pyvae info`."""

import platform
import re
from pathlib import Path

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
        "devices of pyvae study": "cpu" if why_no_cuda() else "cpu, cuda",
    }


def why_no_cuda() -> str | None:
    """Why nothing can be trained on a GPU here; None where it can."""
    if not torch.cuda.is_available():
        return "torch sees no GPU" if torch.version.cuda else "this torch has no CUDA"
    return None if _library.has_cuda_kernels() else "this build of pyvae has no CUDA kernels"


def _cuda(build: str) -> str:
    if _library.has_cuda_kernels():
        return build
    if torch.version.cuda is None:
        return "none: this torch has no CUDA"
    return "none: not built (nvcc was not found, or the build said PYVAE_CUDA=OFF)"


def processor() -> str:
    """The processor's model where the system tells it, else its architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    return named_in(text) or platform.machine()


def named_in(cpuinfo: str) -> str | None:
    """The first processor's model; with its family and number where the name has none, as in many virtual machines."""

    def value(label: str) -> str:
        found = re.search(rf"^{label}\s*: (.+)$", cpuinfo, re.MULTILINE)
        return found[1].strip() if found else ""

    name, family, model = value("model name"), value("cpu family"), value("model")
    vague = bool(family and model) and not re.search(r"\d", name)
    return (f"{name} family {family} model {model}" if vague else name) or None
