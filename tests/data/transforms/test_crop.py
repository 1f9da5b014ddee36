"""Parts of images, and margins: places worked out by hand, and NumPy's np.pad."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import CenterCrop, Pad, RandomCrop

ROW = np.array([1, 2, 3, 4], np.uint8).reshape(1, 1, 1, 4)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad_is_numpys(rng, mode):
    images = rng.random((2, 3, 4, 5))
    for padding, widths in [(3, ((3, 3), (3, 3))), ((1, 2), ((2, 2), (1, 1))), ((1, 2, 3, 0), ((2, 0), (1, 3)))]:
        options = {"constant_values": 0.5} if mode == "constant" else {}
        expected = np.pad(images, ((0, 0), (0, 0), *widths), mode, **options)
        np.testing.assert_array_equal(Pad(padding, 0.5, mode).batch(images), expected)


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_margins_wider_than_the_image_are_numpys(mode):
    for width in (1, 2, 3):
        images = np.arange(width, dtype=np.float32).reshape(1, 1, 1, width)
        expected = np.pad(images, ((0, 0), (0, 0), (0, 0), (7, 5)), mode)
        np.testing.assert_array_equal(Pad((7, 0, 5, 0), 0, mode).batch(images), expected)


def test_fill_has_a_value_for_each_channel():
    padded = Pad((1, 0, 0, 0), (7, 8, 9)).batch(np.zeros((1, 3, 1, 1), np.uint8))
    assert padded[0, :, 0].tolist() == [[7, 0], [8, 0], [9, 0]]
    with pytest.raises(ValueError, match=r"Pad: 2 colour values \(1, 2\) for images of 3 channels; give 3, or one"):
        Pad(1, (1, 2)).batch(np.zeros((1, 3, 1, 1), np.uint8))
    with pytest.raises(ValueError, match=r"Pad: colour 256 does not fit into bytes"):
        Pad(1, 256).batch(np.zeros((1, 3, 1, 1), np.uint8))


def test_negative_padding_crops():
    assert Pad((-1, 0, 1, 0)).batch(ROW).ravel().tolist() == [2, 3, 4, 0]
    with pytest.raises(ValueError, match=r"padding \(-2, 0, -2, 0\) leaves nothing of images of size \(1, 4\)"):
        Pad((-2, 0)).batch(ROW)


def test_what_padding_is_refused():
    with pytest.raises(ValueError, match=r"RandomCrop: padding is one number, two .* or four .*, got \(1, 2, 3\)"):
        RandomCrop(3, padding=(1, 2, 3))
    with pytest.raises(ValueError, match="padding_mode 'wrap' is unknown; choose one of 'constant'"):
        Pad(3, 0, "wrap")


@pytest.mark.parametrize(
    ("size", "row"),
    [(1, [2]), (2, [2, 3]), (3, [1, 2, 3]), (4, [1, 2, 3, 4]), (5, [1, 2, 3, 4, 0]), (7, [0, 1, 2, 3, 4, 0, 0])],
)
def test_center_crop(size, row):
    """Halves are rounded to even: of 4 pixels the middle 1 begins at 1.5 -> 2, the middle 3 at 0.5 -> 0."""
    row = [3] if size == 1 else row
    assert CenterCrop((1, size)).batch(ROW).ravel().tolist() == row


def test_center_crop_smaller_one_way_and_larger_the_other(rng):
    images = rng.random((2, 1, 6, 3))
    expected = np.pad(images[:, :, 1:5], ((0, 0), (0, 0), (0, 0), (1, 2)))
    np.testing.assert_array_equal(CenterCrop((4, 6)).batch(images), expected)


@pytest.mark.parametrize("padding", [None, 2, (1, 0), (0, 3, 1, 2)])
@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_random_crop_is_the_drawn_window_of_the_padded_images(rng, padding, mode):
    images = rng.integers(0, 256, (9, 3, 6, 5)).astype(np.uint8)
    crop = RandomCrop((4, 3), padding, False, 9, mode)
    tops, lefts = crop.draw(9, 6, 5, np.random.default_rng(1))
    out = crop.batch(images, np.random.default_rng(1))
    margin = Pad(padding or 0, 9, mode)
    padded = margin.batch(images)
    for image, top, left, result in zip(padded, tops + margin.padding.top, lefts + margin.padding.left, out):
        np.testing.assert_array_equal(result, image[:, top : top + 4, left : left + 3])


def test_every_place_is_drawn_equally_often():
    tops, lefts = RandomCrop((4, 3), (1, 0)).draw(6000, 4, 5, np.random.default_rng(0))
    assert not tops.any()
    places, counts = np.unique(lefts, return_counts=True)
    assert places.tolist() == [-1, 0, 1, 2, 3]
    assert abs(counts - 1200).max() < 4 * (6000 * 0.2 * 0.8) ** 0.5
    tops, lefts = RandomCrop(4, 3).draw(6000, 20, 20, np.random.default_rng(0))
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.05


def test_a_crop_larger_than_the_image():
    crop = RandomCrop((2, 7), padding=1)
    with pytest.raises(ValueError, match=r"RandomCrop: size \(2, 7\) is larger than the images, \(1, 4\) with padding"):
        crop.batch(ROW, np.random.default_rng(0))
    crop.pad_if_needed = True
    tops, lefts = crop.draw(500, 1, 4, np.random.default_rng(0))
    assert set(tops) == {-1, 0}
    assert set(lefts) == {-2, -1}  # one pixel is missing: one more on either side
    out = crop.batch(ROW, np.random.default_rng(0))
    assert out.shape == (1, 1, 2, 7)
    assert out.sum() == ROW.sum()
