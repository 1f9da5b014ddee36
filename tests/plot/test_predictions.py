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


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (8, 1), (9, 2)])
def test_eight_in_a_row(count, rows):
    _, figure = picture(count)
    assert len(figure.axes) == 8 * rows
    assert sum(bool(axes.images) for axes in figure.axes) == count
    file = io.BytesIO()
    figure.savefig(file)
    assert Image.open(file).format == "PNG"
