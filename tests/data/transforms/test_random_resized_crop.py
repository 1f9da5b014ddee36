"""Random boxes at one size, against Pillow's crop and resize."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import RandomResizedCrop

Image = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize(("interpolation", "filter"), [("bilinear", "BILINEAR"), ("nearest", "NEAREST")])
@pytest.mark.parametrize("size", [(9, 8), (24, 30)])
def test_each_image_is_pillows_crop_and_resize(rng, interpolation, filter, size):
    images = rng.integers(0, 256, (12, 3, 17, 20)).astype(np.uint8)
    crop = RandomResizedCrop(size, (0.02, 1), (0.3, 3), interpolation)
    boxes = crop.draw(12, 17, 20, np.random.default_rng(2))
    out = crop.batch(images, np.random.default_rng(2))
    for image, (top, left, height, width), result in zip(images, boxes, out):
        theirs = Image.fromarray(image.transpose(1, 2, 0).copy()).crop((left, top, left + width, top + height))
        if interpolation == "bilinear":  # one pass after the other: no Pillow chooses an order
            theirs = theirs.resize((size[1], height), Image.Resampling[filter])
        theirs = theirs.resize((size[1], size[0]), Image.Resampling[filter])
        np.testing.assert_array_equal(result, np.asarray(theirs).transpose(2, 0, 1))


def test_boxes_have_the_wanted_area_and_ratio():
    crop = RandomResizedCrop(200, scale=(0.1, 0.5), ratio=(0.5, 2))
    top, left, height, width = crop.draw(4000, 1000, 1000, np.random.default_rng(0)).T
    share, ratio = height * width / 1e6, np.log2(width / height)
    for values, low, high in ((share, 0.1, 0.5), (ratio, -1, 1)):  # both uniform
        assert values.min() > low - 0.01
        assert values.max() < high + 0.01
        assert abs(values.mean() - (low + high) / 2) < 4 * (high - low) / 12**0.5 / 4000**0.5
    for start, length in ((top, height), (left, width)):  # anywhere that fits
        place = start / (1000 - length)
        assert start.min() >= 0
        assert (start + length).max() <= 1000
        assert abs(place.mean() - 0.5) < 4 / 12**0.5 / 4000**0.5


@pytest.mark.parametrize(
    ("shape", "ratio", "box"),
    [((4, 100), (0.5, 2), (0, 46, 4, 8)), ((100, 4), (0.5, 2), (46, 0, 8, 4)), ((10, 12), (1, 2), (0, 0, 10, 12))],
)
def test_the_middle_where_no_box_fits(shape, ratio, box):
    """A scale of 3 or more asks for more area than there is."""
    crop = RandomResizedCrop(5, (3, 4), ratio)
    assert crop.draw(2, *shape, np.random.default_rng(0)).tolist() == [list(box)] * 2


def test_a_row_whose_first_attempts_fail_takes_a_later_one():
    """Of single attempts 7 in 100 fit, as most ratios need a side longer than the image's: 1 - 0.93**10 = 1/2."""
    crop = RandomResizedCrop(5, (0.9, 1), (0.25, 4))
    boxes = crop.draw(300, 30, 30, np.random.default_rng(0))
    whole = (boxes == [0, 0, 30, 30]).all(axis=1)
    assert 0.35 < whole.mean() < 0.65
    assert (boxes[:, 2] * boxes[:, 3])[~whole].min() > 0.85 * 900


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"scale \(0.5, 0.1\) is no range \(smallest, largest\) between 0 and inf"):
        RandomResizedCrop(5, (0.5, 0.1))
    with pytest.raises(ValueError, match=r"ratio \(0, 1\) begins at 0"):
        RandomResizedCrop(5, ratio=(0, 1))
    with pytest.raises(ValueError, match=r"\(2, 1, 0, 3\) have no pixels"):
        RandomResizedCrop(5).batch(np.zeros((2, 1, 0, 3)), np.random.default_rng(0))


def test_wide_boxes_for_large_ratios():
    _, _, height, width = RandomResizedCrop(5, (0.1, 0.2), (3, 3.3)).draw(50, 100, 100, np.random.default_rng(0)).T
    assert (width > 2 * height).all()
