"""What the measurements are made on, as facts.json; fails if pyvae does not run on the device.

python -m benchmarks.gpu.facts --device cuda --out build/gpu/out
"""

import json
import platform
import re

import torch

import pyvae
from benchmarks.gpu.arguments import parse
from pyvae import _library
from pyvae.bench.machine import machine_facts
from pyvae.files import atomic_write_text


def gpu_facts() -> dict[str, str]:
    """Label and value."""
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return {
        "GPU": torch.cuda.get_device_name(),
        "multiprocessors": str(properties.multi_processor_count),
        "memory": f"{properties.total_memory / 2**30:.0f} GiB",
        "compute capability": ".".join(map(str, torch.cuda.get_device_capability())),
        "CUDA of torch": str(torch.version.cuda),
        "python": platform.python_version(),
        "build": str(_library.build_facts()["cuda"]),
    }


def folder_name(device: str) -> str:
    """The name of the results' folder."""
    name = torch.cuda.get_device_name() if device == "cuda" else "dry run"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def main() -> None:
    arguments = parse(__doc__)
    mu = torch.zeros(3, 2, device=arguments.device)
    assert pyvae.gaussian_kl(mu + 1, mu).tolist() == [1.0] * 3
    facts = machine_facts() | (gpu_facts() if arguments.device == "cuda" else {})
    text = json.dumps({"folder": folder_name(arguments.device), "machine": facts}, indent=1)
    atomic_write_text(arguments.out / "facts.json", text + "\n")
    print(", ".join(facts.values()))


if __name__ == "__main__":
    main()
