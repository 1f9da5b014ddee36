"""Resize against Pillow, whose bytes it promises."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import InterpolationMode, Resize

Image = pytest.importorskip("PIL.Image")
Resampling = Image.Resampling

SIZES = [  # height and width before and after
    ((28, 28), (96, 96)),
    ((96, 96), (28, 28)),
    ((20, 30), (7, 11)),
    ((5, 40), (40, 5)),
    ((1, 1), (3, 2)),
    ((9, 13), (1, 1)),
    ((1, 17), (1, 5)),
    ((31, 2), (30, 3)),
    ((12, 12), (12, 12)),
]


def random_image(rng, shape, mode):
    array = rng.integers(0, 256, shape if mode == "L" else (*shape, 3)).astype(np.uint8)
    return Image.fromarray(array)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_bilinear_is_pillows(rng, before, after, mode):
    image = random_image(rng, before, mode)
    ours = Resize(after)(image)
    across = image.resize((after[1], before[0]), Resampling.BILINEAR)  # one pass by itself: no Pillow chooses an order
    theirs = across.resize((after[1], after[0]), Resampling.BILINEAR)
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize(("before", "size"), [((28, 28), 96), ((28, 28), 224), ((40, 52), 32), ((17, 23), 9)])
def test_pillows_own_order_of_passes_is_ours(rng, before, size):
    image = random_image(rng, before, "RGB")
    ours = Resize(size)(image)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(image.resize(ours.size, Resampling.BILINEAR)))


@pytest.mark.parametrize(
    ("before", "after"), [*SIZES, ((2, 2), (7, 15)), ((3, 5), (9, 15)), ((10, 10), (4, 8)), ((40, 39), (7, 50))]
)
def test_nearest_is_pillows(rng, before, after):
    image = random_image(rng, before, "RGB")
    ours = Resize(after, InterpolationMode.NEAREST)(image)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(image.resize((after[1], after[0]), Resampling.NEAREST)))


def test_floats_are_pillows(rng):
    image = rng.standard_normal((11, 9)).astype(np.float32)
    for height, width in [(4, 30), (25, 3), (1, 1)]:
        across = Image.fromarray(image).resize((width, 11), Resampling.BILINEAR)
        theirs = np.asarray(across.resize((width, height), Resampling.BILINEAR))
        ours = Resize((height, width))(image[None])
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours.numpy()[0], theirs, rtol=1e-6, atol=1e-6)


def test_values_worked_out_by_hand():
    """Twice as wide: the centres lie 1/4 and 3/4 between pixels; half as wide: weights 1 3 3 1, cut at the edges."""
    row = np.array([0.0, 1, 0, 0])[None, None, None]
    np.testing.assert_allclose(Resize((1, 8)).batch(row)[0, 0, 0], [0, 0.25, 0.75, 0.75, 0.25, 0, 0, 0])
    np.testing.assert_allclose(Resize((1, 2)).batch(row)[0, 0, 0], [3 / 7, 1 / 7])
    bytes_row = np.array([0, 255, 0, 0], np.uint8)[None, None, None]
    np.testing.assert_array_equal(Resize((1, 8)).batch(bytes_row)[0, 0, 0], [0, 64, 191, 191, 64, 0, 0, 0])


@pytest.mark.parametrize(
    ("size", "max_size", "shape", "target"),
    [
        (14, None, (28, 28), (14, 14)),
        ([14], None, (28, 28), (14, 14)),
        (10, None, (20, 40), (10, 20)),
        (10, None, (40, 20), (20, 10)),
        (10, None, (33, 20), (16, 10)),  # 16.5, rounded down
        ((5, 7), None, (9, 9), (5, 7)),
        (10, 15, (40, 20), (15, 7)),
        (10, 15, (20, 24), (10, 12)),
    ],
)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_target(size, max_size, shape, target, interpolation):
    resize = Resize(size, interpolation, max_size)
    resized = resize(Image.fromarray(np.zeros(shape, np.uint8)))
    assert (resized.height, resized.width) == target
    assert resize.batch(np.zeros((2, 3, *shape), np.float64)).shape == (2, 3, *target)


def test_what_is_refused():
    with pytest.raises(ValueError, match="'bicubic' is not supported; choose 'bilinear' or 'nearest'"):
        Resize(8, "bicubic")
    with pytest.raises(ValueError, match="antialias=False; set it to True"):
        Resize(8, antialias=False)
    with pytest.raises(ValueError, match=r"size is a positive whole number or \(height, width\), got \(3, 0\)"):
        Resize((3, 0))
    with pytest.raises(ValueError, match=r"max_size=8 .* with size=8"):
        Resize(8, max_size=8)
    with pytest.raises(ValueError, match=r"\(1, 1, 0, 4\) have no pixels"):
        Resize(8)(np.zeros((1, 0, 4), np.uint8))
