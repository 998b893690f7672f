"""The py3-none wheel: what it holds, and that it works outside of the source tree without _C."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# -S keeps the editable install of the test environment out; the folders of its packages are named instead.
PROBE = """
import sys
sys.path[:0] = [{target!r}]
sys.path += {packages!r}
import torch, pyvae
assert pyvae.__file__.startswith({target!r}), pyvae.__file__
assert pyvae.gaussian_kl(torch.ones(10), torch.zeros(10)).item() == 5
assert pyvae._library.build_facts()["version"] == pyvae.__version__
try:
    from pyvae import _C
except ImportError:
    print("installed, no _C")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("pip", "scikit_build_core"):
        pytest.importorskip(tool)
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", str(ROOT), "--no-build-isolation", "--no-deps"]
    options = ["-w", str(folder), "-C", "cmake.define.PYVAE_WHEEL=ON", "-C", "wheel.py-api=py3"]
    subprocess.run([*command, *options], check=True, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


def test_one_wheel_serves_every_python(wheel: Path) -> None:
    assert wheel.name.startswith("pyvae_torch-") and "-py3-none-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert "pyvae/libpyvae_ops.so" in names and "pyvae/py.typed" in names
    assert not [n for n in names if "_C" in n or n.startswith(("tests", "csrc", "benchmarks"))]


def test_it_works_outside_of_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, cwd=tmp_path)
    probe = PROBE.format(target=str(target), packages=[p for p in sys.path if p.endswith("-packages")])
    run = subprocess.run([sys.executable, "-S", "-c", probe], cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout.strip() == "installed, no _C", run.stderr
