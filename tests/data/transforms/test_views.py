"""What a transform writes down is what it does to the pixels, with the same random numbers."""

import numpy as np
import pytest

from minitorch_cv.data import transforms as T
from minitorch_cv.data.transforms.views import NotResidentError, Views
from minitorch_kernels import gather_images
from minitorch_kernels.images.gather import windows

WRITTEN = [
    T.CenterCrop((3, 8)),
    T.Pad((1, 2, -1, 0)),
    T.RandomCrop((4, 5), padding=1),
    T.RandomCrop((8, 5), pad_if_needed=True),
    T.RandomHorizontalFlip(0.3),
    T.RandomResizedCrop((5, 4)),
    T.RandomVerticalFlip(),
    T.Resize((5, 9)),
    T.Resize((7, 6)),
]


@pytest.mark.parametrize("transform", WRITTEN, ids=lambda transform: type(transform).__name__)
def test_views_show_what_batch_gives(rng, transform):
    N, C, H, W = shape = 6, 2, 7, 6
    images = rng.integers(0, 256, shape).astype(np.uint8)
    mine, theirs = (np.random.default_rng(3) for _ in range(2))
    views = Views(N, H, W)
    transform.view(views, mine)
    expected = transform.batch(images, theirs)
    assert mine.bit_generator.state == theirs.bit_generator.state
    assert views.size == expected.shape[2:]
    tables = (windows(old, new) for old, new in zip((H, W), views.resized))
    tones = np.tile(np.arange(256, dtype=np.float32), (C, 1))
    shown = gather_images(images, np.arange(N), np.array([0]), views.table, *tables, tones, N, views.size)
    np.testing.assert_array_equal(shown, expected)


def test_all_transforms_that_can_are_here():
    known = {getattr(T, name) for name in T.__all__}
    assert {kind for kind in known if hasattr(kind, "view")} == {type(transform) for transform in WRITTEN}


def test_nothing_changes_nothing():
    views = Views(2, 4, 5)
    T.Resize((4, 5)).view(views)
    assert views.changed_by == ""
    assert views.table.tolist() == [[0, 0, 4, 5, 0, 1, 0, 1]] * 2


def test_nothing_left():
    with pytest.raises(NotResidentError, match=r"Pad leaves nothing of images of size \(4, 5\)"):
        T.Pad(-2).view(Views(1, 4, 5))
