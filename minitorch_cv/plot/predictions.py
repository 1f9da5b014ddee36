"""Images with what they show and what a model took them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8


def plot_predictions(images: Any, labels: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> Figure:
    """The images, each under its true class and, below that, the predicted one, red and with ✗ if wrong.

    images: (N, H, W), or (N, C, H, W) with 1 channel or 3 (red, green, blue), bytes or floats in [0, 1]. ValueError for
    other shapes.
    """
    from matplotlib.figure import Figure

    images = np.asarray(images)
    if images.ndim != 3 and images.shape[1:2] not in ((1,), (3,)):
        raise ValueError(f"plot_predictions: images have shape (N, H, W) or (N, 1 or 3, H, W), got {images.shape}")
    pictures = images if images.ndim == 3 else images.transpose(0, 2, 3, 1)  # (N, C, H, W) -> (N, H, W, C)
    rows = -(-len(images) // COLUMNS)
    figure = Figure(figsize=(1.5 * COLUMNS, 2 * rows + 0.5), dpi=110, layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    wrong = 0
    for axes, image, label, guess in zip(grid, pictures, labels, predicted):
        axes.imshow(image, cmap="gray")
        right = label == guess
        wrong += not right
        mark = "" if right else "✗ "
        axes.set_title(f"{classes[label]}\n{mark}{classes[guess]}", fontsize=10, color="black" if right else "crimson")
    figure.suptitle(f"true class above, prediction below: {len(images) - wrong} of {len(images)} right", fontsize=12)
    return figure
