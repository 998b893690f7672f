"""Two tiny studies whose bits are recorded, so that a change that should move files only can show that it did.

Bits depend on the processor and on the versions of what computes and writes: `pinned/digests.json` holds the SHA-256 of
every file for each such place, and the tables beside it what any other place has to agree with to rounding. After a
change that means to change numbers, `python -m tests.studies.biased_grid.pin` records this machine's anew.
"""

import hashlib
import io
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy
import pyarrow
import safetensors
import torch
from rich.console import Console

import pyvae
from pyvae.info import processor
from pyvae.nn import products
from pyvae.studies.biased_grid import STUDY, BiasedGridConfig
from pyvae.studies.run import run_study
from pyvae.training.train import Training
from tests.studies.biased_grid.tiny import tiny

PINNED = Path(__file__).parent / "pinned"
DIGESTS = PINNED / "digests.json"
STUDIES = {
    "fixed-steps": tiny(),
    "early-stopping": tiny(
        "kl=closed_form", "beta_warmup_steps=6", "patience=1", "validate_every=4", "learning_rate=0.02", "steps=41"
    ),
}
THREADS = 2
FILES = ("results.parquet", "baseline.parquet", "curves.parquet", "pictures.safetensors")
TABLES = ("results.parquet", "curves.parquet")


def place() -> str:
    """What bits may depend on beside the code."""
    versions = " ".join(f"{module.__name__} {module.__version__}" for module in (torch, numpy, pyarrow, safetensors))
    return f"{processor()}, {pyvae.cpu_isa()}, {versions}"


def run(config: BiasedGridConfig, folder: Path) -> dict[str, str]:
    """Runs a study on THREADS threads; the digest of every file it leaves, and of its last checkpoint's tensors."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    # Which way a step is taken is measured, and whose products layers take, and bits depend on both.
    fused = mock.patch.object(sys.modules[Training.__module__], "stepping_of", lambda *_: "fused")
    with fused, mock.patch.object(products, "faster", lambda: "own"):
        try:
            run_study(STUDY, config, folder, console=Console(file=io.StringIO()))
        finally:
            torch.set_num_threads(before)
    _, _, manifest = (folder / "checkpoint" / "current.manifest").read_bytes().partition(b"\n")
    weights = folder / "checkpoint" / json.loads(manifest)["weights"]
    return {name: _sha256(folder / name) for name in FILES} | {"checkpoint": _sha256(weights)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record() -> None:
    """Writes this place's digests, in place of all others, and the tables that other places are compared with."""
    digests = {}
    for name, config in STUDIES.items():
        with tempfile.TemporaryDirectory() as folder:
            digests[name] = run(config, Path(folder) / "study")
            (PINNED / name).mkdir(parents=True, exist_ok=True)
            for table in TABLES:
                (PINNED / name / table).write_bytes((Path(folder) / "study" / table).read_bytes())
    DIGESTS.write_text(json.dumps({place(): digests}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    record()
