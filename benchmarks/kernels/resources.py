"""Registers, shared memory and stack of every CUDA kernel for every architecture, from ptxas' report; no GPU needed.

    python -m benchmarks.kernels.resources            # compares with docs/cuda-kernels.md; `make cuda-check` runs it
    python -m benchmarks.kernels.resources --write    # writes it anew: `make cuda-table`

Spills are errors of the build, so that there is nothing to record of them. Another nvcc than the one the table names
gives other numbers: then nothing is compared.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "csrc/kernels/cuda"
TABLE = ROOT / "docs/cuda-kernels.md"
UPDATE = "run `make cuda-table` and commit docs/cuda-kernels.md"

_ENTRY = re.compile(
    r"Compiling entry function '(?P<name>\S+)' for '(?P<architecture>sm_\w+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True, order=True)
class Kernel:
    """What one kernel takes on one architecture; bytes are of a block's static shared memory and a thread's stack."""

    file: str
    name: str
    architecture: str
    registers: int
    shared_bytes: int
    stack_bytes: int

    def __str__(self) -> str:
        return f"{self.registers} / {self.shared_bytes}" + (f" / stack {self.stack_bytes}" if self.stack_bytes else "")


def architectures() -> list[str]:
    """Those that cmake builds for, such as "75"."""
    found = re.search(r'PYVAE_CUDA_ARCHITECTURES "([^"]+)"', (ROOT / "CMakeLists.txt").read_text())
    assert found is not None
    return re.findall(r"(\d+)-real", found[1])


def report(nvcc: str, source: Path, names: list[str]) -> str:
    """What ptxas says when it compiles a file."""
    with tempfile.TemporaryDirectory() as folder:
        targets = [option for n in names for option in ("-gencode", f"arch=compute_{n},code=sm_{n}")]
        command = [nvcc, "-std=c++20", "-Xptxas=-v", *targets, "-c", str(source), "-o", f"{folder}/kernels.o"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{source.relative_to(ROOT)} does not compile:\n{ran.stderr}")
    return ran.stderr


def kernels(file: str, text: str) -> Iterator[Kernel]:
    """The kernels of one report."""
    for found in _ENTRY.finditer(text):
        shared = re.search(r"(\d+) bytes smem", found["rest"])
        numbers = int(found["registers"]), int(shared[1]) if shared else 0, int(found["stack"])
        yield Kernel(file, found["name"], found["architecture"], *numbers)


def demangled(names: list[str]) -> list[str]:
    """Names as in the source, without namespaces and arguments."""
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    short = (re.sub(r"pyvae::cuda::|\(anonymous namespace\)::", "", name) for name in text.splitlines())
    return [name.removeprefix("void ").partition("(")[0] for name in short]


def measured(nvcc: str) -> list[Kernel]:
    """Every kernel of every file, sorted."""
    files = sorted(SOURCES.rglob("*.cu"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = list(pool.map(lambda source: report(nvcc, source, architectures()), files))
    found = [kernel for file, text in zip(files, reports, strict=True) for kernel in kernels(file.name, text)]
    names = demangled([kernel.name for kernel in found])
    return sorted(
        Kernel(k.file, name, k.architecture, k.registers, k.shared_bytes, k.stack_bytes)
        for k, name in zip(found, names, strict=True)
    )


def version(nvcc: str) -> str:
    """Such as "13.0.88"."""
    text = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"V([\d.]+)", text)
    assert found is not None
    return found[1]


def page(found: list[Kernel], nvcc_version: str) -> str:
    """The table as a page of docs."""
    names = [f"sm_{number}" for number in architectures()]
    cells = {(k.file, k.name, k.architecture): str(k) for k in found}
    lines = [
        "# Registers and shared memory of the CUDA kernels",
        "",
        "Registers of a thread / bytes of static shared memory of a block, and the stack where there is one. No kernel",
        "spills: a spill is an error of the build. `make cuda-check` compares this table with ptxas' report;",
        "`make cuda-table` writes it.",
        "",
        f"nvcc {nvcc_version}.",
        "",
        "| file | kernel | " + " | ".join(names) + " |",
        "| --- " * (2 + len(names)) + "|",
    ]
    for file, name in dict.fromkeys((k.file, k.name) for k in found):
        lines.append(f"| {file} | `{name}` | " + " | ".join(cells.get((file, name, n), "-") for n in names) + " |")
    return "\n".join(lines) + "\n"


def difference(held: str, made: str) -> str | None:
    """A sentence about the first line that differs; None if none does."""
    old, new = held.splitlines(), made.splitlines()
    changed = next((line for line in new if line not in old), None) or next((o for o in old if o not in new), None)
    if held == made:
        return None
    return f"docs/cuda-kernels.md does not hold what ptxas reports ({changed}): {UPDATE}."


def tool(name: str) -> str:
    """Where a program is: on the path, or in a package beside this Python's."""
    packaged = sorted(Path(sysconfig.get_path("purelib")).glob(f"nvidia/*/bin/{name}"))
    return shutil.which(name) or (str(packaged[0]) if packaged else sys.exit(f"This needs {name} on the path."))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/cuda-kernels.md")
    write = parser.parse_args().write
    nvcc = tool("nvcc")
    number = version(nvcc)
    if not write and f"\nnvcc {number}.\n" not in TABLE.read_text():
        print(f"docs/cuda-kernels.md is not of nvcc {number}: not compared")
        return
    made = page(measured(nvcc), number)
    if write:
        TABLE.write_text(made)
    elif problem := difference(TABLE.read_text(), made):
        sys.exit(problem)


if __name__ == "__main__":
    main()
