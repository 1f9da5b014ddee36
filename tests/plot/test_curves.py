import io

import numpy as np
import pytest
from PIL import Image

from minitorch_cv.plot import plot_curves
from minitorch_cv.train import Epoch

HISTORY = [Epoch(1, 2.0, 0.6, 0.5, 1e4, 1.0), Epoch(2, 1.0, 0.7, 0.6, 1e4, 1.0), Epoch(3, 0.5, 0.8, 0.7, 1e4, 1.0)]


def test_the_three_lines_in_the_books_style():
    (axes,) = plot_curves(HISTORY, "a title").axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert list(lines) == ["train loss", "train acc", "test acc"]
    assert [line.get_linestyle() for line in lines.values()] == ["-", "--", "-."]
    np.testing.assert_array_equal(lines["train loss"].get_xydata(), [(1, 2.0), (2, 1.0), (3, 0.5)])
    np.testing.assert_array_equal(lines["train acc"].get_ydata(), [0.6, 0.7, 0.8])
    np.testing.assert_array_equal(lines["test acc"].get_ydata(), [0.5, 0.6, 0.7])
    assert axes.get_xlabel() == "epoch"
    assert axes.get_title() == "a title"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(lines)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_short_run_is_drawn_with_markers(epochs):
    """A line through one point would be invisible."""
    figure = plot_curves(HISTORY[:epochs])
    assert all(line.get_marker() == "o" for line in figure.axes[0].get_lines())
    file = io.BytesIO()
    figure.savefig(file)
    assert len(np.unique(np.asarray(Image.open(file)))) > 10
