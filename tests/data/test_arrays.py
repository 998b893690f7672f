"""One's own images from arrays and files: what they become, and what is refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import Arrays
from tests.data.published_files import random_images

ROWS = torch.arange(6)
GREY, COLOUR = random_images(6, 4, 5), random_images(6, 4, 5, 3)
FACTORS = np.array([[0, 5], [0, 7], [1, 5], [1, 7], [2, 5], [2, 5]])


def flat(images: np.ndarray) -> torch.Tensor:
    """Channel by channel."""
    tensor = torch.from_numpy(images).float()
    return (tensor.permute(0, 3, 1, 2) if images.ndim == 4 else tensor).reshape(len(images), -1)


@pytest.mark.parametrize(
    "images, shape, expected",
    [
        (GREY, (4, 5), flat(GREY) / 255),
        (GREY[..., None], (4, 5), flat(GREY) / 255),
        (GREY[:, None], (4, 5), flat(GREY) / 255),
        (COLOUR, (3, 4, 5), flat(COLOUR) / 255),
        (COLOUR.transpose(0, 3, 1, 2), (3, 4, 5), flat(COLOUR) / 255),
        (torch.from_numpy(GREY), (4, 5), flat(GREY) / 255),
        (GREY > 99, (4, 5), flat(GREY > 99)),
        (GREY / 255, (4, 5), flat(GREY) / 255),
        ((GREY / 255).astype(">f4"), (4, 5), flat(GREY) / 255),
        ((GREY / 255).astype(np.float32)[:, ::-1].copy(order="F")[:, ::-1], (4, 5), flat(GREY) / 255),
        ((GREY > 99).astype(np.float16), (4, 5), flat(GREY > 99)),
        (torch.from_numpy(GREY > 99).bfloat16(), (4, 5), flat(GREY > 99)),
        ([[[0.0, 1.0]], [[0.5, 0.25]]] * 3, (1, 2), torch.tensor([[0.0, 1.0], [0.5, 0.25]] * 3)),
    ],
)
def test_images_of_any_layout_and_type(images: object, shape: tuple[int, ...], expected: torch.Tensor) -> None:
    data = Arrays(images)
    assert data.shape == shape and data.count == 6 and data.factors == ()
    torch.testing.assert_close(data.test_images(ROWS), expected, atol=1e-7, rtol=0)


def test_flat_images_have_a_shape() -> None:
    square = random_images(6, 16)
    assert Arrays(square).shape == (4, 4) and Arrays(square, shape=(2, 8)).shape == (2, 8)
    assert Arrays(random_images(6, 12), shape=(3, 2, 2)).shape == (3, 2, 2)
    assert torch.equal(Arrays(square, shape=(2, 8)).test_images(ROWS), flat(square) / 255)
    for shape, said in ((None, "shape must be given for flat images of 12 numbers"), ((3, 5), "of 12 numbers, got")):
        with pytest.raises(ValueError, match=said):
            Arrays(random_images(6, 12), shape=shape)
    with pytest.raises(ValueError, match=r"^shape must be that of the images, \(4, 5\), got \(5, 4\).$"):
        Arrays(GREY, shape=(5, 4))


def test_channels_are_never_guessed() -> None:
    images = random_images(5, 3, 8, 3)
    with pytest.raises(
        ValueError,
        match=r"^shape must be given for images of shape \[5, 3, 8, 3\], \(3, 8, 3\) or \(3, 3, 8\).$",
    ):
        Arrays(images)
    rows = torch.arange(5)
    assert torch.equal(Arrays(images, shape=(3, 3, 8)).test_images(rows), flat(images) / 255)
    first = Arrays(images, shape=(3, 8, 3))
    assert first.shape == (3, 8, 3)
    assert torch.equal(first.test_images(rows), torch.from_numpy(images).float().reshape(5, -1) / 255)
    for shape in ((5, 1, 8, 3), (5, 3, 8, 1), (5, 1, 8, 1)):
        with pytest.raises(ValueError, match=r"^shape must be given for images of shape"):
            Arrays(random_images(*shape))
    assert Arrays(random_images(5, 1, 8, 3), shape=(8, 3)).shape == (8, 3)
    with pytest.raises(ValueError, match=r"^shape must be that of the images, .* or .*, got \(3, 8\).$"):
        Arrays(images, shape=(3, 8))
    same = random_images(5, 3, 3, 3)
    assert torch.equal(Arrays(same).test_images(rows), flat(same) / 255)


def test_white_is_what_becomes_1() -> None:
    binary = GREY % 2
    with pytest.raises(ValueError, match=r"^white must be given for images of uint8 without a value above 1: white=1"):
        Arrays(binary)
    assert torch.equal(Arrays(binary, white=1).test_images(ROWS), flat(binary))
    with pytest.raises(ValueError, match=r"^images must lie between 0 and 16, got .* in image 0.$"):
        Arrays(GREY, white=16)
    for white in (0, 256):
        with pytest.raises(ValueError, match=rf"^white must lie between 1 and 255, got {white}$"):
            Arrays(GREY, white=white)
    with pytest.raises(ValueError, match=r"^white must be given for images of uint8 alone, got 1 for float64\.$"):
        Arrays(GREY / 255, white=1)


def test_factors_by_name_and_kind() -> None:
    data = Arrays(GREY, FACTORS, names=("a", "b"), nominal=("b",))
    assert data.factors == (("a", 3, False), ("b", 2, True))
    assert torch.equal(data.test_factors(), torch.from_numpy(FACTORS))
    assert data.labels().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 0]]
    assert torch.equal(data.images(torch.from_numpy(FACTORS[[4, 1]])), data.test_images(torch.tensor([4, 1])))
    drawn = data.draw(50, {"factors": torch.tensor([1, 2])})
    images = data.test_images(ROWS)
    for factors, image in zip(drawn.factors.reshape(-1, 2), drawn.images.reshape(100, -1), strict=True):
        row = int((images == image).all(1).nonzero()[0, 0])
        assert torch.equal(factors, data.test_factors()[row])
    amounts = Arrays(GREY, np.array([0.5, 1, 2, 0.5, 1, 0.25]))
    assert amounts.factors == (("factor 0", None, False),)
    assert amounts.labels().flatten().tolist() == [1, 2, 3, 1, 2, 0]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_of_arrays(tmp_path: Path, save: object) -> None:
    np.save(tmp_path / "mine.npy", GREY)
    np.save(tmp_path / "columns.npy", np.asfortranarray(GREY))
    np.save(tmp_path / "factors.npy", FACTORS)
    save(tmp_path / "mine.npz", y=FACTORS[:, 0], note=np.array(["text"]), x=COLOUR)
    for images in ("mine.npy", "columns.npy"):
        data = Arrays(tmp_path / images, tmp_path / "factors.npy")
        assert torch.equal(data.test_images(ROWS), flat(GREY) / 255) and len(data.factors) == 2
    data = Arrays(str(tmp_path / "mine.npz"), progress=False)
    assert torch.equal(data.test_images(ROWS), flat(COLOUR) / 255)
    assert data.labels().flatten().tolist() == FACTORS[:, 0].tolist()
    assert Arrays(tmp_path / "mine.npz", FACTORS).labels().shape == (6, 2)
    assert (tmp_path / "mine.x.unpacked.npy").exists() == (save is np.savez_compressed)


def test_images_without_factors_say_so() -> None:
    data = Arrays(GREY)
    assert data.labels().shape == data.test_factors().shape == (6, 0)
    assert torch.equal(data.images(torch.zeros(3, 0)), data.test_images(torch.zeros(3, dtype=torch.int64)))
    with pytest.raises(ValueError, match=r"^bias must be None for images without factors, got one$"):
        data.draw(3, {"factors": torch.tensor([1])}, bias={"a": torch.ones(2)})


@pytest.mark.parametrize(
    "images, error, said",
    [
        (GREY.astype(np.int64), TypeError, "images must be of bool, uint8 or a float type, got int64."),
        (np.array(["a"] * 6), TypeError, "images must be of bool, uint8 or a float type, got <U1."),
        (np.array([None]), TypeError, "images must be of bool, uint8 or a float type, got object."),
        (GREY[0, 0], ValueError, "images must have the shape .*, got .5.."),
        (GREY[:0], ValueError, "images must have the shape .*, got .0, 4, 5.."),
        (random_images(2, 4, 5, 7), ValueError, "images must have 1 or 3 channels, first or last, got the shape .*7.."),
        (np.float32(GREY), ValueError, "images must lie between 0 and 1, got .* in image 0."),
        (np.float32(GREY / 255) - 0.1, ValueError, "images must lie between 0 and 1, got -0.* in image"),
        ([[[1, 2], [3]]], ValueError, "images must be an array whose rows have one length."),
        ("mine.txt", ValueError, "images must be the path of a .npy file or a .npz archive, got 'mine.txt'."),
        ("none.npz", FileNotFoundError, "images must be the path of a file, got 'none.npz', where none is."),
    ],
)
def test_what_is_refused_of_images(images: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=rf"^{said}"):
        Arrays(images)


def test_a_nan_is_told_by_its_image() -> None:
    images = GREY / 255
    images[4, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"^images must lie between 0 and 1, got nan in image 4\.$"):
        Arrays(images)


@pytest.mark.parametrize(
    "factors, settings, said",
    [
        (FACTORS[:5], {}, r"factors must have the shape \[6\] or \[6, F\], got \[5, 2\]."),
        (FACTORS * np.nan, {}, "factors must be finite, got a NaN or an infinity in row 0."),
        (FACTORS, {"names": ("a",)}, "names must be 2 different ones, one for each factor, got"),
        (FACTORS, {"names": ("a", "a")}, "names must be 2 different ones"),
        (FACTORS, {"nominal": ("b",)}, "nominal must name factors among factor 0, factor 1, got 'b'."),
        (
            FACTORS / 2,
            {"nominal": ("factor 1",)},
            "nominal must name factors of whole numbers, got 'factor 1', which is continuous.$",
        ),
    ],
)
def test_what_is_refused_of_factors(factors: np.ndarray, settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=rf"^{said}"):
        Arrays(GREY, factors, **settings)
    with pytest.raises(TypeError, match=r"^factors must be numbers, got <U1.$"):
        Arrays(GREY, np.array(["a"] * 6))
    with pytest.raises(TypeError, match=r"^factors must be numbers, got object: take .to_numpy\(float\) of a"):
        Arrays(GREY, FACTORS.astype(object))


@pytest.mark.parametrize(
    "given, got",
    [
        (np.array([1e300, 2e300] * 3), "1e\\+300"),
        (np.array([1, 2**63, 2**63 + 1] * 2, dtype=np.uint64), str(2**63)),
        (np.array([1, 2**53, 2**53 + 1] * 2), str(2**53)),
        (np.array([1, 2**53 + 1, 2**53 + 2] * 2), str(2**53 + 1)),
        (np.array([1, -(2**63), -(2**63) + 1] * 2), str(-(2**63))),
    ],
)
def test_whole_factors_that_float64_would_merge_are_refused(given: np.ndarray, got: str) -> None:
    row = int(np.flatnonzero(np.abs(given.astype(float)) > 2**52)[0])
    with pytest.raises(
        ValueError,
        match=rf"^factors must lie between -2\^53 and 2\^53 where they are whole, got {got} in row {row}: num",
    ):
        Arrays(GREY, given)


def test_whole_factors_below_2_53_are_told_apart() -> None:
    last = 2**53 - 1
    for dtype in (np.int64, np.uint64, np.float64):
        data = Arrays(GREY, np.array([last, last - 1, 0] * 2, dtype=dtype))
        assert data.factors[0].size == 3 and data.labels().flatten().tolist() == [2, 1, 0] * 2
        assert torch.equal(data.images(torch.tensor([[last - 1]])), data.test_images(torch.tensor([1])))
    beside = Arrays(GREY, np.array([[1e300, 0.5]] * 3 + [[2e300, 0.5]] * 3)[:, [1, 0]] * [1, 1e-300])
    assert [factor.size for factor in beside.factors] == [None, 2]
    assert Arrays(GREY, np.array([1e300, 0.5] * 3)).factors[0].size is None  # continuous ones may lie anywhere


def test_files_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, pictures=GREY)
    with pytest.raises(
        ValueError, match=r"^images must be in a member of .* named images, imgs, x, .*, got pictures.$"
    ):
        Arrays(path)
    np.savez(path, x=np.array([{}]))
    with pytest.raises(ValueError, match=r"^images must hold an array of numbers, got objects in member x of"):
        Arrays(path)
    np.savez(path, x=GREY, y=np.array([1, "two"] * 3, dtype=object))
    with pytest.raises(ValueError, match=r"^images must hold an array of numbers, got objects in member y of"):
        Arrays(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"^images must be a .npz archive, got .* that is damaged or ends early.$"):
        Arrays(path)
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"^images must be a .npz archive, got .* of another kind.$"):
        Arrays(path)
    path = tmp_path / "mine.npy"
    np.save(path, np.array([{}]))
    with pytest.raises(ValueError, match=r"^images must hold an array of numbers, got objects in"):
        Arrays(path)
    np.save(path, GREY)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"^images must be a whole .npy file, got .* which ends early.$"):
        Arrays(path)
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"^images must hold an array in the .npy format, got"):
        Arrays(path)
