"""What holds for every transform: dtypes, memory order, strides, one image like a batch, no image changed."""

import numpy as np
import pytest

from minitorch_cv.data import transforms as T

TRANSFORMS = [
    T.CenterCrop((3, 8)),
    T.ColorJitter(0.5, 0.5, 0.5, 0.3),
    T.GaussianNoise(),
    T.Grayscale(3),
    T.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
    T.Pad((1, 2), padding_mode="reflect"),
    T.RandomCrop((4, 5), padding=1, fill=(3, 2, 1)),
    T.RandomErasing(),
    T.RandomHorizontalFlip(),
    T.RandomResizedCrop(4),
    T.RandomResizedCrop((5, 4), interpolation="nearest"),
    T.RandomVerticalFlip(),
    T.Resize((5, 9)),
    T.Resize(6, "nearest"),
    T.ToTensor(),
]
DTYPES = [np.uint8, np.float32, np.float64]


def cases():
    for transform in TRANSFORMS:
        for dtype in DTYPES:
            if not (isinstance(transform, T.Normalize) and dtype == np.uint8):
                yield pytest.param(transform, dtype, id=f"{type(transform).__name__}-{dtype.__name__}")


every = pytest.mark.parametrize(("transform", "dtype"), list(cases()))


def pixels(rng, dtype, shape=(5, 3, 7, 6)):
    return rng.integers(0, 256, shape).astype(np.uint8) if dtype == np.uint8 else rng.random(shape).astype(dtype)


def storages(images):
    """The same images with other strides."""
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(images, 0, -1)), -1, 0)
    yield images[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1]
    yield np.repeat(images, 2, axis=3)[..., ::2]


def test_all_transforms_are_here():
    public = {getattr(T, name) for name in T.__all__}
    transforms = {c for c in public if isinstance(c, type) and issubclass(c, T.Transform)} - {T.Transform}
    assert {type(transform) for transform in TRANSFORMS} == transforms


@every
def test_dtype_and_memory_order(rng, transform, dtype):
    images = pixels(rng, dtype)
    before = images.copy()
    out = transform.batch(images, rng)
    assert out.dtype == (np.float32 if isinstance(transform, T.ToTensor) and dtype == np.uint8 else dtype)
    assert np.moveaxis(out, 0, -1).flags.c_contiguous
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(out, images)


@every
def test_any_strides(rng, transform, dtype):
    images = pixels(rng, dtype)
    expected = transform.batch(images, np.random.default_rng(1))
    for stored in storages(images):
        np.testing.assert_array_equal(transform.batch(stored, np.random.default_rng(1)), expected)


@every
def test_no_images(rng, transform, dtype):
    some = transform.batch(pixels(rng, dtype), rng)
    none = transform.batch(pixels(rng, dtype, (0, 3, 7, 6)), rng)
    assert none.shape == (0, *some.shape[1:])
    assert none.dtype == some.dtype


@every
def test_one_image_is_a_batch_of_one(rng, transform, dtype):
    if isinstance(transform, T.ToTensor):
        pytest.skip("ToTensor takes an array (H, W, C) for one image")
    image = pixels(rng, dtype)[0]
    for seed in range(8):
        try:
            transform.generator = np.random.default_rng(seed)
            single = transform(image).numpy()
        finally:
            transform.generator = None
        np.testing.assert_array_equal(single, transform.batch(image[None], np.random.default_rng(seed))[0])


@every
def test_the_same_seed_gives_the_same_batch_and_another_another(rng, transform, dtype):
    images = pixels(rng, dtype, (9, 3, 7, 6))
    first, again, other = (transform.batch(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (not hasattr(transform, "draw"))
