"""Cars3D: 17 568 rendered images of 183 car models (Reed, Zhang, Zhang and Lee 2015)."""

import math
import tarfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np

from pyvae.data.arguments import Cache, check_reading, check_whole, sizes_of
from pyvae.data.formats.pictures import resized
from pyvae.data.formats.pixels import Images, Pixels
from pyvae.data.formats.published import Published, extra
from pyvae.data.formats.unpacked import Blocks, Unpacking, of_file
from pyvae.data.image_table import ImageGrid, grid_factors

PUBLISHED = Published("Cars3D", "nips2015-analogy-data.tar.gz", "http://www.scottreed.info")
NAMES = ("elevation", "azimuth", "object")
SIDE = 128
_FOLDER, _MESH, _LIST = "cars", "_mesh.mat", "list.txt"


class Cars3D(ImageGrid):
    """Images in colour by elevation, azimuth and object.

    Objects are numbered as `list.txt` beside their files names them, and by name where there is no such list. Needs
    scipy, of the extra `data`.

    Args:
        path: the archive, .tar.gz or .tar, with data/cars/car_NNN_mesh.mat; or the folder that holds it. Members are
            read by name; nothing is extracted.
        sizes: how many values each factor takes, for a smaller file of the same layout.
        side: of the images, 128 as published, by Lanczos' filter; 64 is usual, and needs Pillow, of the extra `data`.
        cache: where the images are unpacked to, once: a byte for each pixel and channel, 0.86 GB as published, in
            `<file>.<side>.unpacked.npy` beside the file or in the folder named; False holds them in memory instead.
        progress: whether a bar on standard error tells how far unpacking is.

    Raises FileNotFoundError where there is no such file, ValueError for one of another layout, for arguments that do
    not fit and for a cache that cannot be written, TypeError for arguments of another type, ModuleNotFoundError without
    scipy.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        sizes: tuple[int, ...] = (4, 24, 183),
        side: int = SIDE,
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        sizes = sizes_of(sizes, NAMES)
        check_whole(side=side)
        file = PUBLISHED.found(path)
        elevations, azimuths, objects = sizes
        images = Unpacking(
            source=file,
            name=f"{file.name.partition('.')[0]}.{side}.unpacked.npy",
            identity=of_file(file, sizes, side),
            shape=(math.prod(sizes), side, side, 3),
            blocks=lambda: _blocks(file, (azimuths, elevations), objects, side),
            steps=objects,
        ).open(cache, progress=progress)
        # The file has objects slowest and elevations fastest.
        order = np.arange(math.prod(sizes)).reshape(objects, azimuths, elevations).transpose(2, 1, 0).reshape(-1)
        super().__init__(Pixels(images, white=255), grid_factors(NAMES, sizes, nominal=("object",)), order)


def _blocks(file: Path, views: tuple[int, int], objects: int, side: int) -> Blocks:
    """The views of one object after another, in the order of the archive."""
    try:
        places = _places(file, objects)
        with tarfile.open(file, "r|*") as archive:
            for member in archive:
                if member.name in places and (content := archive.extractfile(member)):
                    images = _images(content.read(), member.name, views)
                    yield places[member.name] * math.prod(views), resized(images, side)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise PUBLISHED.refusal(
            "members in a whole tar archive", f"{str(file)!r} of another kind or damaged"
        ) from error


def _places(file: Path, objects: int) -> dict[str, int]:
    """The number of the object of each member. A first passage: the list may lie behind the members."""
    names, listed = [], None
    with tarfile.open(file, "r|*") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if member.isfile() and path.parent.name == _FOLDER:
                if path.name.endswith(_MESH):
                    names.append(member.name)
                elif path.name == _LIST and (content := archive.extractfile(member)):
                    listed = [PurePosixPath(word).stem for word in content.read().decode(errors="replace").split()]
    if len(names) != objects or len(set(names)) != objects:
        wanted = f"{objects} members data/{_FOLDER}/car_NNN{_MESH}"
        raise PUBLISHED.refusal(wanted, f"{len(set(names))} of them")
    order = sorted(names)
    stems = [PurePosixPath(name).stem for name in order]
    if listed is not None:
        rank = {stem: place for place, stem in enumerate(listed)}
        # A list may name objects without the ending of their files.
        keys = [rank.get(stem, rank.get(stem.removesuffix("_mesh"))) for stem in stems]
        if all(key is not None for key in keys):
            order = [name for _, name in sorted(zip(keys, order, strict=True))]
    return {name: place for place, name in enumerate(order)}


def _images(content: bytes, name: str, views: tuple[int, int]) -> Images:
    """Images [azimuths * elevations, H, W, 3] of a file's `im`, which has them last."""
    shape = (SIDE, SIDE, 3, *views)
    matlab = extra("scipy.io.matlab", "Cars3D")
    try:
        found = matlab.loadmat(BytesIO(content), variable_names=["im"], squeeze_me=False)
    except (matlab.MatReadError, ValueError, TypeError, NotImplementedError, OSError) as error:
        raise PUBLISHED.refusal("files of MATLAB 5", f"{name} of another kind") from error
    images = found.get("im")
    if images is None or images.dtype != np.uint8 or images.shape + (1,) * (5 - images.ndim) != shape:
        got = "none" if images is None else f"shape {images.shape} and dtype {images.dtype}"
        raise PUBLISHED.refusal(f"a variable im of shape {shape} and dtype uint8 in {name}", got)
    return np.ascontiguousarray(images.reshape(shape).transpose(3, 4, 0, 1, 2)).reshape(-1, SIDE, SIDE, 3)
