"""Transforms one after the other, image by image and in batches."""

import numpy as np

from minitorch_cv.data.transforms import Compose, RandomHorizontalFlip, Resize, ToTensor, batch_steps


def test_compose():
    assert Compose([lambda x: x + 1, lambda x: x * 2])(3) == 8


def test_batch_steps_do_to_a_batch_what_the_transform_does_to_an_image(rng):
    images = rng.integers(0, 256, (2, 1, 4, 4)).astype(np.uint8)
    transform = Compose([Resize(3), Compose([RandomHorizontalFlip(1), ToTensor()])])
    batch = images
    for step in batch_steps(transform):
        batch = step(batch, rng)
    assert len(batch_steps(transform)) == 3
    np.testing.assert_array_equal(batch, ToTensor().batch(Resize(3).batch(images))[..., ::-1])


def test_what_has_no_form_for_batches():
    class Inverted(ToTensor):
        def __call__(self, image):
            return 1 - super().__call__(image)

    class Twice(Compose):
        def __call__(self, image):
            return super().__call__(super().__call__(image))

    for own in (lambda image: image, Inverted(), Twice([Resize(3)])):
        assert batch_steps(own) is None
        assert batch_steps(Compose([Resize(3), own, ToTensor()])) is None
        assert batch_steps(Compose([Compose([own])])) is None
    assert batch_steps(Compose([])) == []
