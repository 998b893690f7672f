"""The house rules of docs/architecture.md, read off the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [p for p in (ROOT / "csrc").rglob("*") if p.suffix in {".h", ".cpp", ".cu", ".cuh"}]
PYTHON = list((ROOT / "pyvae").rglob("*.py"))
# What machine and benchmarks ask, which takes no tensor and needs no CUDA kernel, and what ops or their devices share.
NO_OPS = {"isa", "ceilings", "mixture", "mixture_launch", "marginal_levels", "marginal_places"}
OPS = sorted(p.stem for p in (ROOT / "csrc/kernels").glob("*.h") if p.stem not in NO_OPS)


def includes(path: Path) -> list[str]:
    return re.findall(r'^#include [<"]([^>"]+)', path.read_text(), re.MULTILINE)


def imports(path: Path) -> list[str]:
    return re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE)


def room(path: Path) -> str:
    return path.relative_to(ROOT / "csrc").parts[0]


def test_formulas_and_kernels_know_no_torch() -> None:
    for path in SOURCES:
        if room(path) in ("math", "kernels"):
            assert not [i for i in includes(path) if re.match(r"(torch|ATen|c10)/", i)], path


def test_cuda_headers_stay_with_the_cuda_kernels_and_the_launch() -> None:
    allowed = {ROOT / "csrc/ops/launch.h"}
    for path in SOURCES:
        if "cuda" not in path.parts and path not in allowed:
            assert not [i for i in includes(path) if "cuda" in i], path


def test_includes_point_downwards() -> None:
    order = {"math": 0, "kernels": 1, "ops": 2}
    for path in SOURCES:
        for name in (i for i in includes(path) if i.startswith(".")):
            target = (path.parent / name).resolve()
            if room(path) in order and room(target) in order:
                assert order[room(target)] <= order[room(path)], f"{path} includes {name}"


def test_formulas_include_no_code_of_the_standard_library() -> None:
    # Its inline functions would be compiled for one instruction set and linked into all.
    for path in SOURCES:
        if room(path) == "math" or path.parent.name == "cpu":
            assert [i for i in includes(path) if not i.startswith(".") and "/" not in i and not i.endswith(".h")] in (
                [],
                ["cstdint"],
            ), path


def test_only_the_ops_door_names_torch_ops() -> None:
    for path in PYTHON:
        if path.parent.name != "ops":
            assert "torch.ops.pyvae" not in path.read_text(), path


def test_only_tests_and_benchmarks_import_the_reference() -> None:
    for path in PYTHON:
        assert not [i for i in imports(path) if i.startswith(("pyvae.ops.reference", "tests", "benchmarks"))], path


@pytest.mark.parametrize("op", OPS)
def test_an_op_has_its_stem_in_every_room(op: str) -> None:
    rooms = [
        "csrc/kernels/{}.h",
        "csrc/kernels/cpu/{}.cpp",
        "csrc/kernels/cuda/{}.cu",
        "csrc/ops/{}.cpp",
        "pyvae/ops/{}.py",
        "tests/ops/test_{}.py",
        "tests/mutants/{}.toml",
    ]
    missing = [r.format(op) for r in rooms if not (ROOT / r.format(op)).is_file()]
    assert not missing


def test_python_rooms_depend_downwards() -> None:
    levels = {"ops": 0, "info": 1, "files": 1, "plotting": 1, "data": 1, "nn": 1, "losses": 1, "aggregate": 1}
    levels |= {"metrics": 2, "studies": 3, "bench": 3, "cli": 4}
    for path in PYTHON:
        mine = levels.get(path.relative_to(ROOT / "pyvae").parts[0].removesuffix(".py"))
        if mine is None:
            continue
        for name in imports(path):
            parts = name.split(".")
            theirs = levels.get(parts[1]) if parts[0] == "pyvae" and len(parts) > 1 else None
            assert theirs is None or theirs <= mine, f"{path} imports {name}"
