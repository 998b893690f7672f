"""A copy of the tree in which mutants are built and tested, so that the working tree stays as it is.

The library there holds one instruction set, the best of this processor, under the name of the baseline: a mutant's
build takes seconds instead of a minute.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.instruction_sets import BEST
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
PARTS = ["CMakeLists.txt", "pyproject.toml", "cmake", "csrc", "pyvae", "tests"]
FLAGS = {"avx512": "-march=x86-64-v4 -mprefer-vector-width=512", "avx2": "-march=x86-64-v3", "baseline": ""}

# The quick part of the tests, what notices most first: the op's own, those made for every op, the programs.
TESTS = [
    ["tests/ops/test_{op}.py", "tests/ops/test_accuracy.py", "-k", "{op} and not compiles"],
    ["tests/ops", "-k", "{op} and not compiles and not memory and not registration and not accuracy and not pairs"],
    ["tests/kernels/test_elementary.py", "tests/kernels/test_kernels.py", "-k", "sample or shipped or address"],
]

# Many times what a part takes without a mutant, so that one which is not through then never will be.
TEST_SECONDS = 900

# Without the site module there is no editable install to lead back to the working tree.
RUN_PYTEST = "import sys; sys.path[:0] = [{root!r}]; sys.path += {packages!r}; import pytest; sys.exit(pytest.main())"


class BuildError(Exception):
    """The tree does not compile."""


class Workshop:
    """The copy at `root`, built and tested on demand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        for part in PARTS:  # with new times, so that nothing of an earlier mutant counts as up to date
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, root / part, ignore=ignored, dirs_exist_ok=True, copy_function=shutil.copy)
            else:
                shutil.copy(ROOT / part, root / part)
        self._configure()

    def _configure(self) -> None:
        self._run(
            [
                *("cmake", "-S", ".", "-B", "build/library", "-G", "Ninja", f"-DPython_EXECUTABLE={sys.executable}"),
                f"-Dpybind11_DIR={_pybind11_folder()}",
                f"-DCMAKE_PROJECT_pyvae_INCLUDE={self.root}/tests/mutants/one_instruction_set.cmake",
                f"-DCMAKE_CXX_FLAGS={FLAGS[BEST]}",
                *("-DPYVAE_CUDA=OFF", "-DSKBUILD_PROJECT_VERSION=0"),
            ]
        )

    def _run(self, command: list[str]) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            command, cwd=self.root, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        if ran.returncode != 0:
            raise BuildError(ran.stdout[-4000:] + ran.stderr[-4000:])

    def build(self) -> None:
        """Compiles what has changed and puts the libraries beside the package.

        Raises:
            BuildError: with the compiler's words.
        """
        self._run(["cmake", "--build", "build/library"])
        for library in (self.root / "build/library").glob("*.so"):
            shutil.copy2(library, self.root / "pyvae" / library.name)

    def failure(self, op: str) -> str | None:
        """The first test of the op that fails, or None."""
        for arguments in TESTS:
            failed = self._first_failure([a.format(op=op) for a in arguments])
            if failed is not None:
                return failed
        return None

    def _first_failure(self, arguments: list[str]) -> str | None:
        code = RUN_PYTEST.format(root=str(self.root), packages=[p for p in sys.path if p.endswith("-packages")])
        command = [sys.executable, "-S", "-c", code, "-x", "--tb=no", "-p", "no:cacheprovider", *arguments]
        try:
            ran = subprocess.run(
                command, cwd=self.root, capture_output=True, text=True, check=False, timeout=TEST_SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"{arguments[0]} did not end within {TEST_SECONDS} s"
        if ran.returncode == 0:
            return None
        failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        # A crash prints no summary; its signal is the answer.
        return failed[0].split(" - ")[0] if failed else f"pytest ended with {ran.returncode}: {ran.stderr[-200:]}"

    def try_mutant(self, mutant: Mutant) -> str | None:
        """What noticed the mutant, or None if it survives. Leaves the copy as it was.

        Raises:
            ValueError: if the mutant no longer applies.
            BuildError: if it does not compile.
        """
        path = self.root / mutant.file
        before = path.read_text()
        mutant.apply(self.root)
        try:
            self.build()
            return self.failure(mutant.op)
        finally:
            path.write_text(before)


def _pybind11_folder() -> str:
    import pybind11

    return str(pybind11.get_cmake_dir())
