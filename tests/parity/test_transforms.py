"""Transforms against torchvision's functions on tensors, with the same parameters.

Bytes may differ by one grey level, as torchvision rounds some of them in its own way (for colours, ours are those of
Pillow); floats by 1e-5.
"""

import inspect

import numpy as np
import pytest

from minitorch_cv.data import transforms as T
from minitorch_kernels import adjust_color, resample

from .vision import torch

pytestmark = pytest.mark.parity
theirs = pytest.importorskip("torchvision.transforms.v2")  # after .vision, which makes it importable
functional = theirs.functional
DTYPES = [np.uint8, np.float32]


def pixels(rng, dtype, shape=(4, 3, 15, 18)):
    return rng.integers(0, 256, shape).astype(np.uint8) if dtype == np.uint8 else rng.random(shape).astype(dtype)


def assert_close(ours, expected):
    expected = expected.numpy()
    assert ours.dtype == expected.dtype
    assert ours.shape == expected.shape
    difference = abs(ours.astype(np.float64) - expected)
    assert difference.max() <= (1 if ours.dtype == np.uint8 else 1e-5)


both = pytest.mark.parametrize("dtype", DTYPES)


@both
@pytest.mark.parametrize("size", [(15, 18), (7, 6), (30, 40), (4, 33), 9])
def test_resize(rng, dtype, size):
    images = pixels(rng, dtype)
    assert_close(T.Resize(size).batch(images), theirs.Resize(size, antialias=True)(torch.from_numpy(images)))


@both
def test_crop_and_resize(rng, dtype):
    images = pixels(rng, dtype)
    boxes = T.RandomResizedCrop(9).draw(4, 15, 18, rng)
    for image, box, result in zip(torch.from_numpy(images), boxes, resample(images, boxes, (9, 7))):
        assert_close(result, functional.resized_crop(image, *(int(side) for side in box), [9, 7], antialias=True))


@both
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("column", range(4))
def test_color(rng, dtype, channels, column):
    images = pixels(rng, dtype, (6, channels, 8, 9))
    name = ("brightness", "contrast", "saturation", "hue")[column]
    values = np.linspace(-0.5, 0.5, 6) if name == "hue" else np.linspace(0, 2, 6)
    factors = np.tile(np.float32([1, 1, 1, 0]), (6, 1))
    factors[:, column] = values
    out = adjust_color(images, factors, np.tile(np.arange(4), (6, 1)))
    for image, value, result in zip(torch.from_numpy(images), values, out):
        assert_close(result, getattr(functional, f"adjust_{name}")(image, float(value)))


@both
@pytest.mark.parametrize("channels", [1, 3])
def test_grayscale(rng, dtype, channels):
    images = pixels(rng, dtype)
    assert_close(T.Grayscale(channels).batch(images), theirs.Grayscale(channels)(torch.from_numpy(images)))


@both
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [2, (1, 3), (0, 1, 2, 3)])
def test_pad(rng, dtype, mode, padding):
    images = pixels(rng, dtype)
    ours = T.Pad(padding, 1, mode).batch(images)
    np.testing.assert_array_equal(ours, theirs.Pad(padding, 1, mode)(torch.from_numpy(images)).numpy())


@both
@pytest.mark.parametrize("size", [9, (15, 18), (10, 25), (21, 19), (16, 3)])
def test_center_crop(rng, dtype, size):
    images = pixels(rng, dtype)
    np.testing.assert_array_equal(
        T.CenterCrop(size).batch(images), theirs.CenterCrop(size)(torch.from_numpy(images)).numpy()
    )


def test_normalize(rng):
    images = pixels(rng, np.float32)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert_close(T.Normalize(mean, std).batch(images), theirs.Normalize(mean, std)(torch.from_numpy(images)))


def test_flips(rng):
    images = pixels(rng, np.uint8)
    for name in ("RandomHorizontalFlip", "RandomVerticalFlip"):
        expected = getattr(theirs, name)(1)(torch.from_numpy(images)).numpy()
        np.testing.assert_array_equal(getattr(T, name)(1).batch(images, rng), expected)


def test_mixup_and_cutmix(rng):
    images, labels = pixels(rng, np.float32), np.array([1, 0, 2, 2])
    box = T.CutMix().draw(15, 18, np.random.default_rng(1))
    share = T.MixUp().draw(np.random.default_rng(1))
    taken = (box.bottom - box.top) * (box.right - box.left) / (15 * 18)
    for name, parameters in (
        ("MixUp", {"lam": share}),
        ("CutMix", {"box": (box.left, box.top, box.right, box.bottom), "lam_adjusted": 1 - taken}),
    ):
        other = getattr(theirs, name)(num_classes=3)
        other.make_params = lambda inputs, parameters=parameters: parameters
        ours = getattr(T, name)(num_classes=3, generator=np.random.default_rng(1))(images, labels)
        for a, b in zip(ours, other(torch.from_numpy(images), torch.from_numpy(labels)), strict=True):
            assert_close(a.numpy(), b)


@pytest.mark.parametrize("name", [n for n in T.__all__ if hasattr(theirs, n) and n not in ("Compose", "Transform")])
def test_arguments_are_torchvisions(name):
    """Names, order and defaults; ours end with a generator, and MixUp and CutMix look for no labels."""
    if name in ("InterpolationMode", "ToTensor"):
        pytest.skip("takes no arguments")
    ours, other = (inspect.signature(getattr(library, name)).parameters for library in (T, theirs))
    mine = {n: p.default for n, p in ours.items() if n != "generator"}
    assert list(mine) == [n for n in other if n != "labels_getter"]
    for argument, default in mine.items():
        expected = other[argument].default
        assert default == getattr(expected, "value", expected), argument
