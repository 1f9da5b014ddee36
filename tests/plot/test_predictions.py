import io

import numpy as np
import pytest
from matplotlib.colors import same_color
from PIL import Image

from minitorch_cv.plot import plot_predictions

CLASSES = ("Coat", "Bag", "Shirt")


def picture(count):
    """Random images of `count` labels, and predictions of which every third is wrong."""
    labels = [i % 3 for i in range(count)]
    predicted = [(label + (i % 3 == 2)) % 3 for i, label in enumerate(labels)]
    images = np.random.default_rng(0).random((count, 6, 5))
    return images, plot_predictions(images, labels, predicted, CLASSES)


def test_titles_give_true_and_predicted_class_and_mark_the_wrong():
    images, figure = picture(5)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["Coat\nCoat", "Bag\nBag", "Shirt\n✗ Coat", "Coat\nCoat", "Bag\nBag"]
    assert [same_color(axes.title.get_color(), "crimson") for axes in drawn] == [False, False, True, False, False]
    for axes, image in zip(drawn, images):
        np.testing.assert_array_equal(axes.images[0].get_array(), image)
    assert figure.get_suptitle() == "true class above, prediction below: 4 of 5 right"


@pytest.mark.parametrize(("channels", "kind"), [(3, np.float32), (3, np.uint8), (1, np.float32)])
def test_batches_with_channels(channels, kind):
    images = (np.random.default_rng(1).random((2, channels, 6, 5)) * (255 if kind == np.uint8 else 1)).astype(kind)
    figure = plot_predictions(images, [0, 1], [0, 1], CLASSES)
    drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    for pixels, image in zip(drawn, images, strict=True):
        planes = pixels[..., None] if channels == 1 else pixels
        for channel in range(channels):
            np.testing.assert_array_equal(planes[..., channel], image[channel])


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"shape \(N, H, W\) or \(N, 1 or 3, H, W\), got \(1, 2, 6, 5\)"):
        plot_predictions(np.zeros((1, 2, 6, 5)), [0], [0], CLASSES)


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (8, 1), (9, 2)])
def test_eight_in_a_row(count, rows):
    _, figure = picture(count)
    assert len(figure.axes) == 8 * rows
    assert sum(bool(axes.images) for axes in figure.axes) == count
    file = io.BytesIO()
    figure.savefig(file)
    assert Image.open(file).format == "PNG"
