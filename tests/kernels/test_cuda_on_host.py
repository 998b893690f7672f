"""The CUDA kernels' logic without a GPU: cuda_on_host/ loops over their threads and compares with the CPU."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In place of compute-sanitizer, which needs a GPU: reads and writes out of bounds, undefined arithmetic.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def compile_program(compiler: list[str], program: Path, extra: list[str]) -> subprocess.CompletedProcess[str]:
    folders = ("tests/kernels/cuda_on_host", "csrc/kernels/cpu")
    sources = [source for folder in folders for source in sorted((ROOT / folder).glob("*.cpp"))]
    flags = ["-std=c++20", "-O1", "-DPYVAE_ISA=baseline", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
    command = [*compiler, *flags, *extra, *map(str, sources), "-o", str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_cuda_kernels_on_host_agree_with_cpu_kernels(tmp_path: Path) -> None:
    compiler = os.environ.get("CXX", "g++").split()
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C++ compiler: {compiler[0]}")
    program = tmp_path / "cuda_on_host"
    built = compile_program(compiler, program, SANITIZERS)
    if built.returncode != 0:  # not every compiler comes with the sanitizers' libraries
        built = compile_program(compiler, program, [])
    assert built.returncode == 0, built.stderr[-4000:]
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}  # the leak checker wants ptrace, containers deny it
    environment.pop("LD_PRELOAD", None)
    ran = subprocess.run([program], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
