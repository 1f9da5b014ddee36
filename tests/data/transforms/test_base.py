"""One image at a time, derived from the batch; that each transform keeps the contract stands in test_contract.py."""

import numpy as np
import pytest

from minitorch_cv import Generator, Tensor, manual_seed
from minitorch_cv.data.transforms import RandomHorizontalFlip, Resize, Transform

Image = pytest.importorskip("PIL.Image")


class Inverted(Transform):
    """255 - x."""

    def batch(self, images, generator):
        return 255 - images


def test_a_pil_image_gives_a_pil_image(rng):
    for shape, mode in [((4, 3), "L"), ((4, 3, 3), "RGB")]:
        array = rng.integers(0, 256, shape).astype(np.uint8)
        image = Inverted()(Image.fromarray(array))
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), 255 - array)


@pytest.mark.parametrize("wrap", [np.asarray, Tensor])
def test_a_tensor_or_array_gives_a_tensor(rng, wrap):
    array = rng.integers(0, 256, (5, 4, 3)).astype(np.uint8)
    image = Inverted()(wrap(array))
    assert isinstance(image, Tensor)
    np.testing.assert_array_equal(image.numpy(), 255 - array)


def test_what_is_no_image():
    with pytest.raises(ValueError, match=r"Inverted: the PIL image has mode 'RGBA'; convert it first, .*'RGB'"):
        Inverted()(Image.new("RGBA", (2, 2)))
    with pytest.raises(TypeError, match=r"Inverted: takes a PIL image or a tensor \(C, H, W\), got list"):
        Inverted()([[1]])
    with pytest.raises(ValueError, match=r"shape \(C, H, W\), got \(2, 2\); many go through Inverted.batch"):
        Inverted()(np.zeros((2, 2), np.uint8))
    with pytest.raises(TypeError, match=r"floats from 0 to 1, got int64"):
        Inverted()(np.zeros((1, 2, 2), np.int64))
    with pytest.raises(NotImplementedError, match=r"Transform defines no batch"):
        Transform()(np.zeros((1, 2, 2), np.uint8))


@pytest.mark.parametrize("source", ["torch-like generator", "NumPy generator", "default generator"])
def test_where_one_image_gets_its_random_numbers(source):
    image = np.arange(2.0).reshape(1, 1, 2)
    expected = [draw < 0.5 for draw in np.random.Generator(np.random.PCG64(5)).random(20)]
    generator = {
        "torch-like generator": Generator().manual_seed(5),
        "NumPy generator": np.random.Generator(np.random.PCG64(5)),
        "default generator": None,
    }[source]
    manual_seed(5 if generator is None else 6)
    flip = RandomHorizontalFlip(generator=generator)
    assert [flip(image).numpy()[0, 0, 0] == 1 for _ in range(20)] == expected


def test_a_batch_draws_from_the_generator_it_is_given():
    flip = RandomHorizontalFlip(generator=Generator().manual_seed(1))
    flip.batch(np.zeros((9, 1, 2, 2)), np.random.default_rng(0))
    untouched = Generator().manual_seed(1)
    assert flip.generator.numpy.random() == untouched.numpy.random()


def test_deterministic_transforms_need_no_generator():
    assert Resize(3).batch(np.zeros((2, 1, 5, 5), np.uint8)).shape == (2, 1, 3, 3)
