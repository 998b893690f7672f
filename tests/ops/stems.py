"""The ops by name, read off the tree: an op is one stem, a file of that name in every room (docs/architecture.md)."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

NO_OPS = frozenset({"ceilings", "machine"})
"""Of csrc/ops, what machine and benchmarks ask; nothing of it is a function of a user's tensors."""

OPS = sorted(path.stem for path in (ROOT / "csrc/ops").glob("*.cpp") if path.stem not in NO_OPS)

CPU_ONLY = frozenset({"kl_decomposition", "squared_mmd", "stacked_affine", "stacked_vae"})
"""Ops without CUDA kernels: they need no csrc/kernels/cuda/<op>.cu, and so nothing that is checked of one."""

NO_FUNCTIONS = frozenset({"kl_decomposition", "stacked_vae"})
"""Ops that are no functions with a gradient but parts of something; their own tests alone know them."""

FUNCTIONS = [op for op in OPS if op not in NO_FUNCTIONS]

CUDA_OPS = [op for op in OPS if op not in CPU_ONLY]


def stem_of(name: str) -> str:
    """The op of a use of it, such as "gaussian_kl-none" or "gaussian_kl, prior"."""
    return name.partition("-")[0].partition(",")[0]
