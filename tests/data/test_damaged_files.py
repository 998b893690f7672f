"""Files with bytes changed, lost or overwritten: what a reader cannot tell from another image it reads, all else is one
sentence, and nothing is left behind.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pyvae.data import MPI3D, Arrays, Cars3D, CelebA, DataSet, DSprites, Shapes3D, SmallNORB
from tests.data import published_files

READERS: dict[str, tuple[Callable[[Path], object], Callable[[Path], DataSet]]] = {
    "arrays": (
        lambda folder: published_files.write_mpi3d(folder, compressed=True),
        lambda folder: Arrays(folder / "mpi3d_toy.npz"),
    ),
    "cars3d": (published_files.write_cars3d, lambda folder: Cars3D(folder, sizes=(2, 3, 4))),
    "celeba": (published_files.write_celeba, lambda folder: CelebA(folder, count=12, side=16)),
    "dsprites": (published_files.write_dsprites, lambda folder: DSprites(folder, sizes=(3, 2, 4, 3, 2))),
    "mpi3d": (
        published_files.write_mpi3d,
        lambda folder: MPI3D(folder / "mpi3d_toy.npz", sizes=(2, 2, 1, 2, 2, 2, 3)),
    ),
    "shapes3d": (published_files.write_shapes3d, lambda folder: Shapes3D(folder, sizes=(2, 2, 3, 2, 2, 2))),
    "small-norb": (
        lambda folder: published_files.write_small_norb(folder, packed=True),
        lambda folder: SmallNORB(folder, sizes=(2, 4, 2, 3, 2)),
    ),
}
DAMAGES = 20


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut off, or with one bit or 64 bytes changed, as often near the ends, where formats keep what they say of
    themselves, as anywhere.
    """
    near = min(len(content), 400)
    place = rng.choice([rng.randrange(len(content)), rng.randrange(near), len(content) - 1 - rng.randrange(near)])
    changed = bytearray(content)
    kind = rng.randrange(3)
    if kind == 0:
        return content[:place]
    if kind == 1:
        changed[place] ^= 1 << rng.randrange(8)
    else:
        changed[place : place + 64] = rng.randbytes(64)
    return bytes(changed)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    write, read = READERS[name]
    write(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    rng = random.Random(name)
    refused = 0
    for _ in range(DAMAGES):
        path = rng.choice(files)
        content = path.read_bytes()
        path.write_bytes(damaged(content, rng))
        try:
            assert read(tmp_path).test_images(torch.arange(4)).isfinite().all()
        except (ValueError, TypeError, FileNotFoundError) as error:
            refused += 1
            assert str(error).startswith(("path must ", "images must ", "crop must ")), error
            assert set(tmp_path.rglob("*.npy")) == set()
        for left in [left for left in tmp_path.rglob("*") if left.is_file() and left not in files]:
            left.unlink()
        path.write_bytes(content)
    assert refused
    assert read(tmp_path).test_images(torch.arange(4)).isfinite().all()
