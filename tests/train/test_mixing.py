import numpy as np
import pytest

from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import CutMix, MixUp

IMAGES = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) + np.zeros((3, 2, 8, 12), np.float32)
LABELS = np.array([2, 0, 1])


def mixed(kind, alpha=1.0, seed=0):
    images, labels = kind(4, alpha, Generator().manual_seed(seed))(Tensor(IMAGES), Tensor(LABELS))
    return images.numpy(), labels.numpy()


def test_mixup_blends_each_image_and_label_with_the_one_before_it():
    images, labels = mixed(MixUp)
    share = labels[0, 2]
    assert 0 < share < 1
    np.testing.assert_allclose(labels, [[0, 1 - share, share, 0], [share, 0, 1 - share, 0], [1 - share, share, 0, 0]])
    expected = [share * 0 + (1 - share) * 2, share * 1 + (1 - share) * 0, share * 2 + (1 - share) * 1]
    for image, value in zip(images, expected):
        np.testing.assert_allclose(image, np.full_like(image, value), rtol=1e-6)
    assert (images.dtype, labels.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_cutmix_cuts_one_box_out_of_all_and_labels_by_its_area(seed):
    images, labels = mixed(CutMix, seed=seed)
    foreign = images[1] == 0
    np.testing.assert_array_equal(foreign, images[2] == 1)
    np.testing.assert_array_equal(foreign, images[0] == 2)
    assert np.isin(images, [0, 1, 2]).all()
    rows, columns = np.flatnonzero(foreign[0].any(1)), np.flatnonzero(foreign[0].any(0))
    assert foreign.sum() == 2 * len(rows) * len(columns), "a box, the same in every channel"
    share = 1 - len(rows) * len(columns) / 96
    np.testing.assert_allclose(labels[1], [share, 0, 1 - share, 0], atol=1e-6)


def test_the_boxes_cover_what_the_shares_ask_for():
    """Away from the borders a box has sides √(1 - λ) of the image's."""
    kind = CutMix(2, 1.0, Generator().manual_seed(0))

    class Middle:
        def integers(self, side):
            return side // 2

    images = np.stack([np.zeros((1, 16, 16)), np.ones((1, 16, 16))])
    out, share = kind.mixed(images, 0.75, Middle())
    assert share == 0.75
    np.testing.assert_array_equal(np.argwhere(out[0, 0] == 1)[[0, -1]], [[4, 4], [11, 11]])


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_draws_come_from_the_generator_and_inputs_stay(kind):
    before = IMAGES.copy()
    first, again, other = mixed(kind, seed=1), mixed(kind, seed=1), mixed(kind, seed=2)
    for one, same in zip(first, again):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(IMAGES, before)


def test_a_large_alpha_mixes_evenly():
    shares = [mixed(MixUp, alpha=1e6, seed=seed)[1][0, 2] for seed in range(5)]
    np.testing.assert_allclose(shares, [0.5] * 5, atol=0.01)


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_alpha_must_be_positive(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: alpha=0 must be above 0"):
        kind(3, 0)
