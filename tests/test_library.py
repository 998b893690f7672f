"""Loading, build facts, instruction sets, and what a forked child can do."""

import json
import multiprocessing
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import pyvae
from pyvae import _library


def test_facts_come_from_the_module_and_from_the_op_library_alike() -> None:
    from pyvae.ops import machine

    pytest.importorskip("pyvae._C")  # a wheel has none
    facts = _library.build_facts()
    assert facts == json.loads(machine.build_info())
    assert facts["version"] == pyvae.__version__
    assert facts["cpu_instruction_sets"]["baseline"] is True


def test_the_instruction_set_can_be_capped() -> None:
    try:
        pyvae.set_cpu_isa("baseline")
        assert pyvae.cpu_isa() == "baseline"
    finally:
        pyvae.set_cpu_isa("avx512")
    with pytest.raises(ValueError, match="name must be one of 'baseline', 'avx2', 'avx512', got 'sse9'"):
        pyvae.set_cpu_isa("sse9")


def test_a_missing_library_names_the_build_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_find", lambda name: None)
    with pytest.raises(ImportError, match=r"libpyvae_ops\.so is not installed: build it with `make build`"):
        _library.load(pyvae.__path__)


def test_a_library_that_does_not_load_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "libpyvae_ops.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setattr(_library, "_find", lambda name: broken if name == broken.name else None)
    with pytest.raises(ImportError, match=r"does not load with torch .* build it with `make build`"):
        _library.load(pyvae.__path__)


def _kl_in_a_child(queue: multiprocessing.Queue) -> None:
    queue.put(pyvae.gaussian_kl(torch.ones(5000, 10), torch.zeros(5000, 10)).sum().item())


def test_a_forked_child_can_use_the_ops_after_a_parallel_region() -> None:
    pyvae.gaussian_kl(torch.ones(50_000, 10), torch.zeros(50_000, 10))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_kl_in_a_child, args=(queue,))
    child.start()
    assert queue.get(timeout=10) == 25_000
    child.join(timeout=10)
    assert child.exitcode == 0


def test_no_std_template_of_one_instruction_set_can_serve_another() -> None:
    """Kernel symbols are strong or local: a weak one would be merged across instruction sets by the linker."""
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    root = Path(__file__).parents[1]
    objects = list(root.glob("build/[cp][py]3*/CMakeFiles/pyvae_kernels_*.dir/csrc/kernels/cpu/*.o"))
    if not objects:
        pytest.skip("no object files: pyvae was installed from a wheel")
    for path in objects:
        listing = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        assert not re.findall(r"^\S* [VWvw] .*$", listing, re.MULTILINE), path


def test_the_library_needs_no_path_of_the_build_machine() -> None:
    library = _library._find("libpyvae_ops.so")
    assert library is not None
    assert str(Path(__file__).parents[1] / "csrc").encode() not in library.read_bytes()


def test_importing_leaves_torch_as_it_was() -> None:
    probe = (
        "import torch; before = (torch.get_num_threads(), torch.get_default_dtype(), torch.initial_seed());"
        "import pyvae; assert before == (torch.get_num_threads(), torch.get_default_dtype(), torch.initial_seed())"
    )
    subprocess.run([sys.executable, "-c", probe], check=True)
