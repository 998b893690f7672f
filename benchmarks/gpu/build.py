"""Puts pyvae with its CUDA library into a folder, as an installed wheel lies in one; offline, nothing is downloaded.

python -m benchmarks.gpu.build --into build/gpu                   # compiled here, for the GPUs of this machine alone
python -m benchmarks.gpu.build --into build/gpu --wheel dist/pyvae_torch-0.1.0-py3-none-linux_x86_64.whl
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def site(into: Path) -> Path:
    """The folder to put on PYTHONPATH."""
    return into / "site"


def tool(name: str) -> str | None:
    """A program beside the interpreter, of its packages, or on the path."""
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None and (spec := importlib.util.find_spec(name)) is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "data/bin" / name
        return str(program) if program.is_file() else None
    return found


def configuration(folder: Path, architectures: str, prefix: Path) -> list[str]:
    """The command that configures a build of the op libraries, without _C and scikit-build-core."""
    cmake = tool("cmake") or sys.exit("make gpu needs cmake 3.25 or later, or WHEEL=... made by `make wheel`.")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ninja = tool("ninja")
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else ["-G", "Unix Makefiles"]
    options = {
        "PYVAE_CUDA": "ON",
        "PYVAE_WHEEL": "ON",
        "PYVAE_CUDA_ARCHITECTURES": architectures,
        "SKBUILD_PROJECT_VERSION": version,
        "Python_EXECUTABLE": sys.executable,
        "CMAKE_INSTALL_PREFIX": str(prefix),
    }
    return [cmake, "-S", str(ROOT), "-B", str(folder), *generator, *(f"-D{k}={v}" for k, v in options.items())]


def architectures() -> str:
    """Those of the GPUs that are here, as CMake names them."""
    import torch

    if not torch.cuda.is_available():
        sys.exit(f"make gpu needs a GPU that torch sees; torch {torch.__version__} of {sys.executable} sees none.")
    found = {torch.cuda.get_device_capability(k) for k in range(torch.cuda.device_count())}
    return ";".join(f"{major}{minor}-real" for major, minor in sorted(found))


def compile_into(into: Path) -> None:
    """Compiles both libraries, beside a copy of the package's Python."""
    if tool("nvcc") is None and not (Path(os.environ.get("CUDA_HOME", "")) / "bin/nvcc").is_file():
        sys.exit(
            "make gpu needs nvcc on the path or in CUDA_HOME, or WHEEL=... made by `make wheel` where there is one."
        )
    folder = into / "cmake"
    subprocess.run(configuration(folder, architectures(), site(into)), check=True)
    build = [tool("cmake") or "cmake", "--build", str(folder), "--parallel", str(os.cpu_count())]
    subprocess.run([*build, "--target", "install"], check=True)
    shutil.copytree(
        ROOT / "pyvae", site(into) / "pyvae", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )


def unpack_into(into: Path, wheel: Path) -> None:
    """What pip would do with this wheel, where there may be no pip."""
    with zipfile.ZipFile(wheel) as archive:
        if "pyvae/libpyvae_ops_cuda.so" not in archive.namelist():
            sys.exit(f"{wheel.name} holds no CUDA library: make it where torch has CUDA and nvcc is found.")
        archive.extractall(site(into))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--wheel", type=Path)
    arguments = parser.parse_args()
    shutil.rmtree(site(arguments.into), ignore_errors=True)
    if arguments.wheel is not None:
        unpack_into(arguments.into, arguments.wheel)
    else:
        compile_into(arguments.into)
    print(f"pyvae is in {site(arguments.into)}")


if __name__ == "__main__":
    main()
