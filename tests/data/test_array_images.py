"""Random transforms on data sets that lie in arrays, and on single images."""

import numpy as np
import pytest

from minitorch_cv.data import Compose, DataLoader, FashionMNIST, Subset, ToTensor
from minitorch_cv.data.datasets import draws
from minitorch_cv.data.whole_batches import transform_draws, with_generator
from minitorch_cv.random import Generator, default_generator, manual_seed, numpy_generator
from minitorch_cv.tensor import Tensor


class Noise:
    """A random transform as minitorch_cv.data.transforms has them: its own generator, or the batch's."""

    def __init__(self, generator=None):
        self.generator = generator

    def __call__(self, image):
        return Tensor(self.batch(np.asarray(image)[None, None], numpy_generator(self.generator))[0])

    def batch(self, images, generator):
        return images + generator.random(len(images)).astype(np.float32)[:, None, None, None]


@pytest.fixture
def dataset(tmp_path, tiny):
    return FashionMNIST(tiny.write(tmp_path), transform=Noise())


def test_what_draws():
    assert transform_draws(Noise())
    assert transform_draws(Compose([Compose([ToTensor(), Noise()])]))
    for quiet in (None, ToTensor(), Compose([ToTensor()]), np.sqrt, lambda image: image):
        assert not transform_draws(quiet)


def test_a_data_set_draws_as_its_transform_does(dataset):
    assert draws(dataset)
    assert draws(Subset(dataset, [1]))
    dataset.transform = ToTensor()
    assert not draws(dataset)
    assert not draws(Subset(dataset, [1]))
    manual_seed(0)
    before = default_generator.get_state()
    list(DataLoader(dataset, 8))
    assert default_generator.get_state() == before


def test_a_batch_draws_from_its_generator(dataset):
    x, _ = dataset.fetch_batch([3, 4], np.random.default_rng(2))
    added = np.random.default_rng(2).random(2).astype(np.float32)
    expected = dataset.arrays()[0][3:5] + added[:, None, None]
    np.testing.assert_array_equal(x.numpy()[:, 0], expected)


def test_without_a_generator_the_default_one_serves(dataset):
    manual_seed(5)
    x, _ = dataset.fetch_batch([3])
    manual_seed(5)
    again, _ = dataset.fetch_batch([3], default_generator.numpy)
    np.testing.assert_array_equal(x.numpy(), again.numpy())


def test_samples_one_by_one_draw_from_the_batchs_generator(dataset):
    dataset.transform = Compose([Compose([Noise(Generator())]), lambda image: image])  # the lambda has no batch form
    manual_seed(0)
    before = default_generator.get_state()
    x, _ = dataset.fetch_batch([3, 4], np.random.default_rng(2))
    rng = np.random.default_rng(2)
    for image, stored in zip(x.numpy(), dataset.arrays()[0][3:5]):
        np.testing.assert_array_equal(image[0], stored + rng.random(1).astype(np.float32))
    assert default_generator.get_state() == before


def test_the_transform_itself_keeps_its_generator():
    own = Generator()
    transform = Compose([Noise(own)])
    copied = with_generator(transform, np.random.default_rng(1))
    assert transform.transforms[0].generator is own
    assert copied.transforms[0].generator is not own
    assert with_generator(transform, None) is transform


@pytest.mark.parametrize("one_by_one", [False, True])
def test_prefetched_batches_are_the_same_and_go_on_anywhere(dataset, one_by_one):
    if one_by_one:
        dataset.transform = Compose([Noise(), lambda image: image])
    loaders = [DataLoader(dataset, 3, True, num_workers=workers, generator=Generator()) for workers in (0, 1)]
    for loader in loaders:
        loader.generator.manual_seed(3)
    plain, ahead = ([x.numpy() for x, _ in loader] for loader in loaders)
    for x, same in zip(plain, ahead, strict=True):
        np.testing.assert_array_equal(x, same)
    ahead = loaders[1]
    ahead.generator.manual_seed(3)
    batches = iter(ahead)
    next(batches), next(batches)
    state = ahead.state_dict()
    loaders[0].load_state_dict(state)
    for x, (rest, _) in zip(plain[2:], loaders[0], strict=True):
        np.testing.assert_array_equal(x, rest.numpy())
