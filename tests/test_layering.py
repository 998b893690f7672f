"""The house rules of docs/architecture.md, read off the tree."""

import re
from pathlib import Path

import pytest

from tests.ops.stems import CPU_ONLY, CUDA_OPS, OPS

ROOT = Path(__file__).parents[1]
SOURCES = [p for p in (ROOT / "csrc").rglob("*") if p.suffix in {".h", ".cpp", ".cu", ".cuh"}]
PYTHON = list((ROOT / "pyvae").rglob("*.py"))
CUDA = ROOT / "csrc/kernels/cuda"


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


def test_what_math_defines_no_other_room_does() -> None:
    own = [re.findall(r"^PYVAE_MATH (?:constexpr )?\S+ (\w+)\(", p.read_text(), re.MULTILINE) for p in SOURCES]
    formulas = {name for path, names in zip(SOURCES, own, strict=True) for name in names if room(path) == "math"}
    assert {"smaller", "larger", "ceil_div", "part_of"} <= formulas
    for path in SOURCES:
        if room(path) != "math" and path.name != "vec.h":  # which has the vectors' versions
            defined = set(re.findall(r"^[A-Za-z][^;=(\n]*?(\w+)\(", path.read_text(), re.MULTILINE))
            assert not (defined & formulas) - set(OPS), path


def test_folders_of_cuda_kernels_know_neither_ops_nor_each_other() -> None:
    folders = [path for path in CUDA.iterdir() if path.is_dir()]
    assert {folder.name for folder in folders} == {"grids", "mixture"}
    for path in (path for folder in folders for path in folder.iterdir()):
        for name in includes(path):
            target = (path.parent / name).resolve()
            beside = target.parent == path.parent or target in {CUDA / "packs.cuh", CUDA / "sort.cuh"}
            assert beside or CUDA not in target.parents, f"{path} includes {name}"


def test_the_planner_of_launches_knows_no_arguments() -> None:
    assert includes(ROOT / "csrc/kernels/mixture_launch.h") == ["../math/range.h"]


# --- Ops --------------------------------------------------------------------------------------------------------------

ROOMS = [
    "csrc/kernels/{}.h",
    "csrc/kernels/cpu/{}.cpp",
    "csrc/kernels/cuda/{}.cu",
    "csrc/ops/{}.cpp",
    "pyvae/ops/{}.py",
    "tests/ops/test_{}.py",
    "tests/mutants/{}.toml",
]


@pytest.mark.parametrize("op", OPS)
def test_an_op_has_its_stem_in_every_room(op: str) -> None:
    rooms = [place.format(op) for place in ROOMS if op in CUDA_OPS or "/cuda/" not in place]
    assert not [name for name in rooms if not (ROOT / name).is_file()]


def test_what_has_no_cuda_kernels_is_said_to_have_none() -> None:
    assert set(CPU_ONLY) < set(OPS)
    assert sorted(path.stem for path in CUDA.glob("*.cu")) == sorted([*CUDA_OPS, "ceilings"])


# An op in all of its files that no other is made of.
ALONE = "reparameterize_with_kl"
# Where ops are made: elsewhere who names one uses it. Results are written by runs, and pages may speak of any op.
MADE_IN = ["cmake", "csrc", "pyvae/ops", "pyvae/bench", "benchmarks", "tests/ops", "tests/kernels", "tests/mutants"]
MADE_IN += ["tests/bench", "pyvae/__init__.py", "tests/test_readme.py", "tests/test_library.py", "CMakeLists.txt"]
TEXT = {".cmake", ".cpp", ".cu", ".cuh", ".h", ".py", ".toml", ".txt"}


def mentions(path: Path, op: str) -> bool:
    return re.search(rf"\b{op}\b", path.read_text()) is not None


def listed() -> set[str]:
    """The files of CONTRIBUTING's table, for the op that it calls my_op."""
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_contributing_lists_every_file_that_names_an_op() -> None:
    places = [ROOT / place for place in MADE_IN]
    files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place])]
    sources = [path for path in files if path.suffix in TEXT and "results" not in path.parts]
    found = {path.relative_to(ROOT).as_posix() for path in sources if mentions(path, ALONE)}
    expected = {name.replace("my_op", ALONE) for name in listed()}
    assert found == {name for name in expected if not name.endswith(".md")}
    assert not [name for name in expected if not mentions(ROOT / name, ALONE)]
    assert f" {len(expected)} files name it" in (ROOT / "CONTRIBUTING.md").read_text()
