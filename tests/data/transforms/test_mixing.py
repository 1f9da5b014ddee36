"""MixUp and CutMix against their definitions, image by image."""

import numpy as np
import pytest

from minitorch_cv import Generator, Tensor
from minitorch_cv.data.transforms import CutMix, MixUp

LABELS = np.array([2, 0, 1, 2])


def test_mixup(rng):
    images = rng.random((4, 3, 5, 6)).astype(np.float32)
    share = MixUp(alpha=0.4).draw(np.random.default_rng(8))
    x, y = MixUp(alpha=0.4, num_classes=3, generator=np.random.default_rng(8))(Tensor(images), Tensor(LABELS))
    assert (x.dtype, y.dtype) == (np.float32, np.float32)
    for i in range(4):
        np.testing.assert_allclose(x.numpy()[i], share * images[i] + (1 - share) * images[i - 1], rtol=1e-5)
        expected = np.zeros(3)
        expected[LABELS[i]] += share
        expected[LABELS[i - 1]] += 1 - share
        np.testing.assert_allclose(y.numpy()[i], expected, rtol=1e-5)


def test_cutmix(rng):
    images = rng.random((4, 3, 8, 6))
    for seed in range(10):
        top, bottom, left, right = CutMix().draw(8, 6, np.random.default_rng(seed))
        x, y = CutMix(num_classes=3, generator=np.random.default_rng(seed))(images, LABELS)
        taken = np.zeros((8, 6), bool)
        taken[top:bottom, left:right] = True
        for i in range(4):
            np.testing.assert_array_equal(x.numpy()[i], np.where(taken, images[i - 1], images[i]))
            expected = np.zeros(3)
            expected[LABELS[i]] += 1 - taken.mean()
            expected[LABELS[i - 1]] += taken.mean()
            np.testing.assert_allclose(y.numpy()[i], expected, rtol=1e-6, atol=1e-7)


def test_the_box_of_cutmix():
    """Both sides sqrt(1 - lambda) of the image's where it lies inside: as far to each side of its middle."""
    generator = np.random.default_rng(3)
    boxes = np.array([CutMix(alpha=2.0).draw(200, 100, generator) for _ in range(3000)])
    top, bottom, left, right = boxes.T
    assert top.min() == left.min() == 0
    assert (bottom.max(), right.max()) == (200, 100)
    inside = (top > 0) & (bottom < 200) & (left > 0) & (right < 100)
    heights, widths = (bottom - top)[inside], (right - left)[inside]
    assert abs(heights - 2 * widths).max() <= 2
    middles = ((top + bottom) / 2)[inside]
    assert abs(middles.mean() - 100) < 5
    lam = np.random.default_rng(3).beta(2.0, 2.0)  # the first that was drawn
    half = int(0.5 * (1 - lam) ** 0.5 * 200)
    assert bottom[0] - top[0] in range(half, 2 * half + 1)


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_probabilities_as_labels(rng, kind):
    images = rng.random((4, 1, 3, 3)).astype(np.float32)
    by_number = kind(num_classes=3, generator=Generator().manual_seed(2))(images, LABELS)
    for probabilities in (np.eye(3, dtype=np.float32)[LABELS], np.eye(3, dtype=np.int64)[LABELS]):
        x, y = kind(generator=Generator().manual_seed(2))(images, probabilities)
        np.testing.assert_array_equal(x.numpy(), by_number[0].numpy())
        np.testing.assert_array_equal(y.numpy(), by_number[1].numpy())


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_memory_order_and_inputs_untouched(rng, kind):
    images = rng.random((4, 2, 5, 5))
    before = images.copy()
    stored = np.moveaxis(np.ascontiguousarray(np.moveaxis(images, 0, -1)), -1, 0)
    results = []
    for storage in (images, stored):
        x, _ = kind(num_classes=3, generator=np.random.default_rng(0))(storage, LABELS)
        assert np.moveaxis(x.numpy(), 0, -1).flags.c_contiguous
        assert not np.shares_memory(x.numpy(), storage)
        results.append(x.numpy())
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(images, before)


def test_what_is_refused():
    images = np.zeros((4, 1, 2, 2), np.float32)
    for alpha in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=r"MixUp: alpha=.* must be above 0"):
            MixUp(alpha=alpha)
    with pytest.raises(ValueError, match="CutMix: label 2 is outside 0 to 1, which num_classes=2 allows"):
        CutMix(num_classes=2)(images, LABELS)
    with pytest.raises(ValueError, match="MixUp: label -1 is outside 0 to 2"):
        MixUp(num_classes=3)(images, LABELS - 1 - (LABELS > 0))
    with pytest.raises(ValueError, match=r"num_classes is needed for labels that are class numbers"):
        MixUp()(images, LABELS)
    with pytest.raises(ValueError, match=r"num_classes=2 but the labels have shape \(4, 3\)"):
        MixUp(num_classes=2)(images, np.eye(3)[LABELS])
    with pytest.raises(ValueError, match=r"class numbers \(N,\) or probabilities \(N, K\), got float64 \(4,\)"):
        MixUp(num_classes=3)(images, LABELS * 1.0)
    with pytest.raises(ValueError, match=r"N labels, got \(4, 1, 2, 2\) and \(3,\)"):
        MixUp(num_classes=3)(images, LABELS[:3])
    with pytest.raises(TypeError, match=r"mixes images of floats, got uint8"):
        MixUp(num_classes=3)(images.astype(np.uint8), LABELS)
