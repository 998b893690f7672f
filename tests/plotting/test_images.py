import numpy as np
import pytest

from pyvae.plotting.images import mosaic, show_rows, unflattened


def test_colour_is_flat_channel_by_channel() -> None:
    image = np.arange(2 * 3 * 4.0).reshape(2, 3, 4)[:1].repeat(3, 0) + 100 * np.arange(3.0)[:, None, None]
    found = unflattened(image.reshape(1, -1), (3, 3, 4))
    assert found.shape == (1, 3, 4, 3)
    np.testing.assert_array_equal(found[0, 2, 1], [9, 109, 209])


def test_a_mosaic_of_colours_that_are_not_square() -> None:
    images = np.arange(2 * 2 * 3 * 2 * 5.0).reshape(2, 2, 30)
    out = mosaic(images, gap=1, shape=(3, 2, 5))
    assert out.shape == (5, 11, 3) and np.isnan(out[2]).all() and np.isnan(out[:, 5]).all()
    np.testing.assert_array_equal(out[3:, 6:], np.moveaxis(images[1, 1].reshape(3, 2, 5), 0, -1))


@pytest.mark.parametrize(
    ("shape", "given"),
    [(None, "be given for images that are not square and grey"), ((2, 2), "be .* of 6"), ((2, 3, 1), "be .* of 6")],
)
def test_a_shape_that_does_not_fit_is_a_sentence(shape, given) -> None:
    with pytest.raises(ValueError, match=f"shape must {given}, got"):
        unflattened(np.zeros((1, 6)), shape)


@pytest.mark.parametrize("shape", [(24, 54), (54, 24), (3, 24, 54)])
def test_rows_of_any_shape_fill_their_figure(shape) -> None:
    figure = show_rows(np.zeros((3, 7, int(np.prod(shape)))), ["a label"] * 3, "title", shape=shape)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    everything = axes.get_tightbbox()
    assert everything.x0 > 0 and everything.x1 <= figure.bbox.width and everything.y0 >= 0
    ratio = axes.get_window_extent().width / axes.get_window_extent().height
    assert ratio == pytest.approx(7 * shape[-1] / (3 * shape[-2]), rel=0.12)  # but for the gaps


def test_low_is_black_in_every_channel() -> None:
    figure = show_rows(np.full((1, 1, 12), -1.0), ["x"], "t", low=-1, high=1, shape=(3, 2, 2))
    assert not np.asarray(figure.axes[0].images[0].get_array()).any()
