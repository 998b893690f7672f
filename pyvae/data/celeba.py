"""CelebA: 202 599 photographs of faces with 40 attributes each (Liu, Luo, Wang and Tang 2015)."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pyvae.data.arguments import Cache, check_reading, check_whole, texts_of
from pyvae.data.data_set import Factor
from pyvae.data.formats.pictures import read_picture, resized
from pyvae.data.formats.pixels import Images, Pixels
from pyvae.data.formats.published import Published
from pyvae.data.formats.unpacked import Blocks, Unpacking, of_file
from pyvae.data.image_table import ImageTable

PUBLISHED = Published("CelebA", "list_attr_celeba.txt", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html")
FOLDER = "img_align_celeba"
COUNT = 202_599
_BLOCK = 256  # pictures read at a time


class CelebA(ImageTable):
    """Faces in colour, whose factors are the attributes, 0 or 1; any combination may be missing, and most are.

    The aligned pictures, 178 pixels wide and 218 high, are cut to a square about their middle and brought to `side`.
    Needs Pillow, of the extra `data`.

    Args:
        path: the folder that holds list_attr_celeba.txt, itself or in Anno, and img_align_celeba, itself or in Img.
        attributes: names of those that are taken; all of them, in the file's order, without it.
        count: how many pictures there are, for a smaller folder of the same layout.
        crop: side of the square, at most the pictures' shorter side.
        side: of the images, by Lanczos' filter.
        cache: where the images are unpacked to, once, in a few minutes: 12 288 bytes for each of side 64, 2.49 GB as
            published, in `celeba.<crop>.<side>.unpacked.npy` in that folder or the one named; False holds them in
            memory instead.
        progress: whether a bar on standard error tells how far unpacking is.

    Raises FileNotFoundError where a file is missing, ValueError for files of another layout, for arguments that do not
    fit and for a cache that cannot be written, TypeError for arguments of another type, ModuleNotFoundError without
    Pillow.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        attributes: Sequence[str] | None = None,
        count: int = COUNT,
        crop: int = 148,
        side: int = 64,
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        check_whole(side=side, crop=crop, count=count)
        asked = None if attributes is None else texts_of("attributes", attributes)
        path = PUBLISHED.folder(path, f"{PUBLISHED.file} and {FOLDER}")
        listed = PUBLISHED.found(path / "Anno" if (path / "Anno").is_dir() else path)
        folder = next((inner for inner in (path / "Img" / FOLDER, path / FOLDER) if inner.is_dir()), None)
        if folder is None:
            raise FileNotFoundError(f"path must hold the folder {FOLDER}, got {str(path)!r}: see {PUBLISHED.page}.")
        names, files, table = _attributes(listed, count)
        chosen = names if asked is None else asked
        unknown = [name for name in chosen if name not in names]
        if unknown or len(set(chosen)) != len(chosen):
            raise ValueError(f"attributes must be different ones of {', '.join(names)}, got {', '.join(chosen)}")
        images = Unpacking(
            source=folder,
            name=f"celeba.{crop}.{side}.unpacked.npy",
            identity=of_file(listed, folder.stat().st_mtime_ns, count, crop, side),
            shape=(count, side, side, 3),
            blocks=lambda: _blocks(folder, files, crop, side),
            steps=math.ceil(count / _BLOCK),
        ).open(cache, progress=progress)
        values = torch.from_numpy(table[:, [names.index(name) for name in chosen]].astype(np.int64))
        super().__init__(Pixels(images, white=255), values, tuple(Factor(name, 2) for name in chosen))


def _attributes(listed: Path, count: int) -> tuple[tuple[str, ...], list[str], npt.NDArray[np.bool_]]:
    """Names of the attributes, of the pictures' files, and the attributes of each, [N, F].

    The file has their number in its first line, the names in its second, then a line for each picture: its file's name
    and -1 or 1 for each attribute, with any number of spaces between.
    """
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    wanted = f"{count} in its first line, names of attributes in its second and a line of -1 and 1 for each picture"
    if len(lines) < 2 or lines[0].strip() != str(count) or len(lines) - 2 != count:
        raise PUBLISHED.refusal(wanted, f"{lines[0][:40]!r} and {max(0, len(lines) - 2)} pictures" if lines else "none")
    names = tuple(lines[1].split())
    rows = [line.split() for line in lines[2:]]
    bad = [place for place, row in enumerate(rows) if len(row) != len(names) + 1 or not set(row[1:]) <= {"-1", "1"}]
    if bad or not names:
        raise PUBLISHED.refusal(wanted, f"line {bad[0] + 3 if bad else 2} that is none")
    files = [row[0] for row in rows]
    if any("/" in file or "\\" in file for file in files):
        raise PUBLISHED.refusal("names of files without folders", "others")
    return names, files, np.array([row[1:] for row in rows]) == "1"


def _blocks(folder: Path, files: list[str], crop: int, side: int) -> Blocks:
    for first in range(0, len(files), _BLOCK):
        yield first, np.concatenate([_face(folder / file, crop, side) for file in files[first : first + _BLOCK]])


def _face(file: Path, crop: int, side: int) -> Images:
    """[1, side, side, 3]."""
    if not file.is_file():
        raise FileNotFoundError(f"path must hold every picture of {PUBLISHED.file}, got none at {str(file)!r}.")
    picture = read_picture(file, colour=True)
    height, width, _ = picture.shape
    if crop > min(height, width):
        raise ValueError(f"crop must be at most the pictures' sides, {height} and {width} in {file.name}, got {crop}")
    top, left = (height - crop) // 2, (width - crop) // 2
    return resized(picture[None, top : top + crop, left : left + crop], side)
