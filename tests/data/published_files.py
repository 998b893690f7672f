"""Small files in the layouts that the authors of data sets publish, with random images."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyvae.data import MPI3D, Arrays, Cars3D, CelebA, DataSet, Digits, DSprites, ImageFolder, Shapes3D, SmallNORB

Images = NDArray[np.uint8]


def random_images(*shape: int, below: int = 256, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, below, shape, dtype=np.uint8)


def grid(*sizes: int) -> NDArray[np.int64]:
    """Every combination, the last factor fastest, [N, F]."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), 1)


def write_dsprites(folder: Path, sizes: tuple[int, ...] = (3, 2, 4, 3, 2)) -> Images:
    """As published: compressed, with members that are not read, one of them a pickle."""
    classes = grid(1, *sizes)
    images = random_images(len(classes), 64, 64, below=2)
    np.savez_compressed(
        folder / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        metadata=np.array({"latents_sizes": sizes}, dtype=object),
        imgs=images,
        latents_classes=classes,
        latents_values=classes.astype(float),
        latents_bases=np.ones(6, np.int64),
    )
    return images


def write_mpi3d(folder: Path, sizes: tuple[int, ...] = (2, 2, 1, 2, 2, 2, 3), *, compressed: bool = False) -> Images:
    images = random_images(int(np.prod(sizes)), 64, 64, 3)
    (np.savez_compressed if compressed else np.savez)(folder / "mpi3d_toy.npz", images=images)
    return images


def write_shapes3d(folder: Path, sizes: tuple[int, ...] = (2, 2, 3, 2, 2, 2)) -> Images:
    """Chunks that h5py chooses and gzip, as published."""
    import h5py

    numbers = grid(*sizes)
    images = random_images(len(numbers), 64, 64, 3)
    with h5py.File(folder / "3dshapes.h5", "w") as file:
        file.create_dataset("images", data=images, chunks=True, compression="gzip")
        file.create_dataset("labels", data=numbers * [0.1, 0.1, 0.1, 0.07, 1.0, 4.3] + [0, 0, 0, 0.75, 0, -30])
    return images


def write_cars3d(
    folder: Path, sizes: tuple[int, int, int] = (2, 3, 4), name: str = "nips2015-analogy-data.tar.gz"
) -> Images:
    """[elevation, azimuth, object, 128, 128, 3], in an archive with other members, in an order of its own."""
    from scipy.io import savemat

    objects = sizes[2]
    images = random_images(*sizes, 128, 128, 3)
    listed = [f"car_{number:03d}_mesh" for number in np.random.default_rng(1).permutation(objects) + 1]
    with tarfile.open(folder / name, "w:gz" if name.endswith("gz") else "w") as archive:

        def add(member: str, content: bytes) -> None:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

        add("data/sprites/sprites_001.mat", b"another data set")
        for place in np.random.default_rng(2).permutation(objects):
            file = io.BytesIO()
            # [elevation, azimuth, H, W, 3] -> [H, W, 3, azimuth, elevation]
            savemat(file, {"im": images[:, :, place].transpose(2, 3, 4, 1, 0)}, do_compression=True)
            add(f"data/cars/{listed[place]}.mat", file.getvalue())
        add("data/cars/list.txt", "\n".join(f"{stem}.mat" for stem in listed).encode())
    return images


def norb_bytes(array: NDArray[np.generic]) -> bytes:
    """The published binary format: a magic number, the number of axes, at least three sizes, the items."""
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    sizes = [*array.shape, *[1] * (3 - array.ndim)]
    return np.array([magic, array.ndim, *sizes], "<u4").tobytes() + array.tobytes()


def write_small_norb(folder: Path, sizes: tuple[int, ...] = (2, 4, 2, 3, 2), *, packed: bool = False) -> Images:
    """[category, instance, elevation, azimuth, lighting, camera, 96, 96]: half of the instances are in each part."""
    import gzip

    rng = np.random.default_rng(3)
    images = random_images(*sizes, 2, 96, 96)
    parts = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
    numbers = rng.permutation(grid(*sizes))
    for half, part in enumerate(parts):
        rows = numbers[numbers[:, 1] % 2 == half]
        info = (rows[:, 1:] * [1, 1, 2, 1]).astype(np.int32)  # azimuths are published as even numbers
        files = {"dat": images[tuple(rows.T)], "cat": rows[:, 0].astype(np.int32), "info": info}
        for kind, array in files.items():
            content = norb_bytes(array)
            path = folder / f"{part}-{kind}.mat{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)
    return images


def write_pictures(folder: Path, images: Images, names: list[str]) -> None:
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for image, name in zip(images, names, strict=True):
        Image.fromarray(image).save(folder / name)


def write_celeba(folder: Path, count: int = 12) -> NDArray[np.int64]:
    """Attributes [count, 3] as 0 and 1; pictures are grey or coloured planes, told by their number."""
    attributes = np.random.default_rng(4).integers(0, 2, (count, 3))
    names = [f"{number + 1:06d}.jpg" for number in range(count)]
    planes = np.stack([np.full((218, 178, 3), 20 * number, np.uint8) for number in range(count)])
    write_pictures(folder / "img_align_celeba", planes, names)
    lines = [str(count), "Bald Male Young "]  # the published lines have runs of spaces
    lines += [
        f"{name} " + " ".join(f"{2 * value - 1:2d}" for value in row)
        for name, row in zip(names, attributes, strict=True)
    ]
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    return attributes


def celeba(folder: Path) -> CelebA:
    write_celeba(folder)
    return CelebA(folder, count=12, side=16)


def dsprites(folder: Path) -> DSprites:
    write_dsprites(folder)
    return DSprites(folder, sizes=(3, 2, 4, 3, 2))


def mpi3d(folder: Path) -> MPI3D:
    write_mpi3d(folder)
    return MPI3D(folder / "mpi3d_toy.npz", sizes=(2, 2, 1, 2, 2, 2, 3))


def shapes3d(folder: Path) -> Shapes3D:
    write_shapes3d(folder)
    return Shapes3D(folder, sizes=(2, 2, 3, 2, 2, 2))


def cars3d(folder: Path) -> Cars3D:
    write_cars3d(folder)
    return Cars3D(folder, sizes=(2, 3, 4), side=32)


def small_norb(folder: Path) -> SmallNORB:
    write_small_norb(folder)
    return SmallNORB(folder, sizes=(2, 4, 2, 3, 2))


def image_folder(folder: Path) -> ImageFolder:
    images = random_images(6, 10, 12, 3)
    write_pictures(folder / "mine" / "a", images[:2], ["1.png", "2.png"])
    write_pictures(folder / "mine" / "b", images[2:], ["1.png", "2.png", "3.png", "4.png"])
    return ImageFolder(folder / "mine")


def arrays(folder: Path) -> Arrays:
    return Arrays(random_images(24, 6, 8), grid(2, 3, 4), names=("a", "b", "c"), nominal=("b",))


def without_factors(folder: Path) -> Arrays:
    return Arrays(random_images(24, 6, 8))


SMALL: dict[str, Callable[[Path], DataSet]] = {
    "arrays": arrays,
    "arrays without factors": without_factors,
    "cars3d": cars3d,
    "celeba": celeba,
    "digits": lambda folder: Digits(),
    "dsprites": dsprites,
    "image-folder": image_folder,
    "mpi3d": mpi3d,
    "shapes3d": shapes3d,
    "small-norb": small_norb,
}
"""Makes of each reader a small data set in an empty folder."""
