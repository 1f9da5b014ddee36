"""Colours against Pillow's ImageEnhance, Python's colorsys and values worked out by hand."""

import colorsys
from functools import reduce

import numpy as np
import pytest

from minitorch_cv.data.transforms import ColorJitter, Grayscale
from minitorch_kernels import adjust_color

Image = pytest.importorskip("PIL.Image")
ImageEnhance = pytest.importorskip("PIL.ImageEnhance")
NAMES = ("brightness", "contrast", "saturation", "hue")
ENHANCE = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def one_change(images, name, factor):
    """One change alone, by the kernel."""
    factors = np.tile([1.0, 1, 1, 0], (len(images), 1))
    factors[:, NAMES.index(name)] = factor
    floats = np.float32 if images.dtype == np.uint8 else images.dtype
    return adjust_color(images, factors.astype(floats), np.tile(np.arange(4), (len(images), 1)))


def as_pil(image):
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0).copy())


def from_pil(image):
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("change", range(3))
def test_bytes_are_pillows(rng, change, channels):
    images = rng.integers(0, 256, (1, channels, 9, 8)).astype(np.uint8)
    for factor in (0, 0.3, 0.7, 1, 1.5, 2.9):
        expected = from_pil(ENHANCE[change](as_pil(images[0])).enhance(factor))
        np.testing.assert_array_equal(one_change(images, NAMES[change], factor)[0], expected)


def test_the_drawn_changes_are_made_in_the_drawn_order(rng):
    images = rng.integers(0, 256, (8, 3, 6, 5)).astype(np.uint8)
    jitter = ColorJitter(0.8, 0.8, 0.8)
    factors, order = jitter.draw(8, np.random.default_rng(3))
    assert len({tuple(row) for row in order}) > 3
    out = jitter.batch(images, np.random.default_rng(3))
    for image, own_factors, own_order, result in zip(images, factors, order, out):
        changes = [change for change in own_order if change < 3]
        theirs = reduce(lambda x, k, f=own_factors: ENHANCE[k](x).enhance(f[k]), changes, as_pil(image))
        np.testing.assert_array_equal(result, from_pil(theirs))


@pytest.mark.parametrize("turns", [-0.5, -0.2, 0.1, 1 / 3, 0.5])
def test_hue_is_colorsys(rng, turns):
    images = rng.random((1, 3, 5, 6))
    images[0, :, 0] = np.array([[0, 1, 0.5, 1, 0, 0], [0, 1, 0.5, 0, 1, 0], [0, 1, 0.5, 0, 0, 1]])
    out = one_change(images, "hue", turns)
    for pixel, result in zip(images[0].reshape(3, -1).T, out[0].reshape(3, -1).T):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        np.testing.assert_allclose(result, colorsys.hsv_to_rgb((h + turns) % 1, s, v), atol=1e-12)
    in_bytes = np.round(images * 255).astype(np.uint8)
    exact = one_change(in_bytes / 255, "hue", np.float64(np.float32(turns))) * 255
    assert abs(one_change(in_bytes, "hue", turns) - exact).max() <= 0.5 + 1e-9


def test_values_worked_out_by_hand():
    image = np.array([0.2, 0.4, 0.8]).reshape(1, 3, 1, 1)
    gray = 0.2989 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8
    for name, factor, expected in [
        ("brightness", 2, [0.4, 0.8, 1]),
        ("saturation", 0.5, [(gray + x) / 2 for x in (0.2, 0.4, 0.8)]),
        ("contrast", 0.5, [(gray + x) / 2 for x in (0.2, 0.4, 0.8)]),  # one pixel is its own mean
        ("contrast", 3, [0, 1.2 - 2 * gray, 1]),
        ("hue", 0.5, [0.8, 0.6, 0.2]),
    ]:
        np.testing.assert_allclose(one_change(image, name, factor).ravel(), expected, atol=1e-12)


def test_contrast_goes_by_the_mean_of_each_image():
    images = np.array([[0.0, 0.4], [0.6, 1.0]]).reshape(2, 1, 1, 2)
    np.testing.assert_allclose(one_change(images, "contrast", 0.5).reshape(2, 2), [[0.1, 0.3], [0.7, 0.9]])


def test_gray_images_have_no_saturation_and_no_hue(rng):
    for dtype in (np.uint8, np.float32):
        images = (rng.random((3, 1, 4, 4)) * (255 if dtype == np.uint8 else 1)).astype(dtype)
        np.testing.assert_array_equal(ColorJitter(saturation=0.9, hue=0.5).batch(images, rng), images)
        three = np.repeat(images, 3, axis=1)
        np.testing.assert_array_equal(one_change(three, "hue", 0.3), three)


def test_factors_are_uniform_and_only_those_asked_for():
    factors, order = ColorJitter(brightness=0.4, contrast=(0.2, 3), hue=0.1).draw(4000, np.random.default_rng(0))
    for column, (low, high) in enumerate([(0.6, 1.4), (0.2, 3), (1, 1), (-0.1, 0.1)]):
        values = factors[:, column]
        assert low <= values.min() <= low + 0.01 * (high - low)
        assert high >= values.max() >= high - 0.01 * (high - low)
        assert abs(values.mean() - (low + high) / 2) <= 4 * (high - low) / 12**0.5 / 4000**0.5
    assert len({tuple(row) for row in order}) == 24
    assert ColorJitter(brightness=3).ranges[0] == (0, 4)  # never below 0


def test_what_is_refused():
    for arguments, message in [
        ({"hue": 0.6}, "hue=0.6 must be from 0 to 0.5"),
        ({"hue": (-0.6, 0)}, r"hue \(-0.6, 0\) is no range \(smallest, largest\) between -0.5 and 0.5"),
        ({"brightness": -1}, "brightness=-1 must be 0 or more"),
        ({"contrast": (2, 1)}, r"contrast \(2, 1\) is no range"),
        ({"saturation": (-1, 1)}, r"saturation \(-1, 1\) is no range"),
    ]:
        with pytest.raises(ValueError, match=f"ColorJitter: {message}"):
            ColorJitter(**arguments)
    for transform in (ColorJitter(0.5), Grayscale()):
        with pytest.raises(ValueError, match=r"have 2 channels \(shape \(1, 2, 3, 3\)\) but need 1 or 3"):
            transform.batch(np.zeros((1, 2, 3, 3)), np.random.default_rng(0))
    with pytest.raises(ValueError, match="num_output_channels=2 must be 1 or 3"):
        Grayscale(2)


def test_grayscale(rng):
    images = rng.integers(0, 256, (2, 3, 5, 4)).astype(np.uint8)
    for channels in (1, 3):
        out = Grayscale(channels).batch(images)
        for image, result in zip(images, out):
            gray = np.asarray(as_pil(image).convert("L"))
            np.testing.assert_array_equal(result, np.broadcast_to(gray, (channels, 5, 4)))
        np.testing.assert_array_equal(Grayscale(channels).batch(images[:, :1]), np.repeat(images[:, :1], channels, 1))
    floats = rng.random((2, 1, 5, 4))
    np.testing.assert_array_equal(Grayscale(3).batch(floats), np.repeat(floats, 3, 1))
