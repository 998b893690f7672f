"""One's own pictures in a folder."""

import hashlib
import math
from pathlib import Path

import numpy as np
import torch

from pyvae.data.arguments import Cache, check_flags, check_reading, check_whole, path_of
from pyvae.data.data_set import Factor
from pyvae.data.formats.pictures import read_picture, resized
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.unpacked import Blocks, Unpacking
from pyvae.data.image_table import ImageTable

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
_BLOCK = 256  # pictures read at a time


class ImageFolder(ImageTable):
    """The pictures of a folder, in the order of their names; where they lie in folders of it, these are the kinds of
    one nominal factor, "folder".

    Needs Pillow, of the extra `data`.

    Args:
        path: the folder, whose pictures end as ENDINGS says; all lie in it, or all in folders of it.
        side: of the images, by Lanczos' filter; without it all pictures must be of one size.
        colour: whether images have three channels or are grey, whatever the files hold.
        cache: where the images are unpacked to, once: a byte for each pixel and channel, in
            `<folder>.<side>.<colour>.unpacked.npy` beside the folder or in the one named; False holds them in memory
            instead. Pictures that come, go or change are noticed, and all are read again.
        progress: whether a bar on standard error tells how far reading is.

    Raises FileNotFoundError where there is no such folder, ValueError where it holds no pictures, others of different
    sizes, or some that cannot be read, and for a cache that cannot be written, TypeError for arguments of another
    type, ModuleNotFoundError without Pillow.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        side: int | None = None,
        colour: bool = True,
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        check_flags(colour=colour)
        if side is not None:
            check_whole(side=side)
        path = path_of("path", path).resolve()
        files, folders = _pictures(path)
        first = read_picture(files[0], colour=colour)
        shape = first.shape if side is None else (side, side, *first.shape[2:])
        images = Unpacking(
            source=path,
            name=f"{path.name}.{side or 'whole'}.{'colour' if colour else 'grey'}.unpacked.npy",
            identity=_identity(path, files),
            shape=(len(files), *shape),
            blocks=lambda: _blocks(files, first.shape, side, colour),
            steps=math.ceil(len(files) / _BLOCK),
        ).open(cache, progress=progress)
        kinds, numbers = np.unique(folders, return_inverse=True)
        values = torch.from_numpy(numbers.astype(np.int64))[:, None]
        factors = (Factor("folder", len(kinds), True),) if folders[0] else ()
        self.kinds = tuple(str(kind) for kind in kinds) if factors else ()
        """Names of the folders, in the order of the factor's values."""
        super().__init__(Pixels(images, white=255), values[:, : len(factors)], factors)


def _pictures(path: Path) -> tuple[list[Path], list[str]]:
    """Files in the order of their names, and the name of the folder of each, "" for `path` itself."""
    if not path.is_dir():
        raise FileNotFoundError(f"path must be a folder of pictures, got {str(path)!r}, where none is.")
    inner = sorted(folder for folder in path.iterdir() if folder.is_dir())
    found = [(file, name) for folder, name in [(path, ""), *((f, f.name) for f in inner)] for file in _files(folder)]
    if not found:
        raise ValueError(f"path must hold pictures that end in {', '.join(ENDINGS)}, got none in {str(path)!r}.")
    files, folders = [file for file, _ in found], [name for _, name in found]
    if not folders[0] and folders[-1]:
        raise ValueError(f"path must hold pictures itself or in folders, got both in {str(path)!r}.")
    return files, folders


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())


def _identity(path: Path, files: list[Path]) -> str:
    """Names, sizes and times of all pictures."""
    digest = hashlib.sha256()
    for file in files:
        state = file.stat()
        digest.update(f"{file.relative_to(path)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _blocks(files: list[Path], shape: tuple[int, ...], side: int | None, colour: bool) -> Blocks:
    for first in range(0, len(files), _BLOCK):
        block = []
        for file in files[first : first + _BLOCK]:
            picture = read_picture(file, colour=colour)
            if side is None and picture.shape != shape:
                raise ValueError(
                    f"side must be given for pictures of different sizes, got {shape[:2]} and {picture.shape[:2]} in "
                    f"{file.name}."
                )
            block.append(resized(picture[None], side))
        yield first, np.concatenate(block)
