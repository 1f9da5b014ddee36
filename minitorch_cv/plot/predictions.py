"""Images with what they show and what a model took them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8


def plot_predictions(images: Any, labels: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> Figure:
    """The images (N, H, W), each under its true class and, below that, the predicted one, red and with ✗ if wrong."""
    from matplotlib.figure import Figure

    rows = -(-len(images) // COLUMNS)
    figure = Figure(figsize=(1.5 * COLUMNS, 2 * rows + 0.5), dpi=110, layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    wrong = 0
    for axes, image, label, guess in zip(grid, images, labels, predicted):
        axes.imshow(image, cmap="gray")
        right = label == guess
        wrong += not right
        mark = "" if right else "✗ "
        axes.set_title(f"{classes[label]}\n{mark}{classes[guess]}", fontsize=10, color="black" if right else "crimson")
    figure.suptitle(f"true class above, prediction below: {len(images) - wrong} of {len(images)} right", fontsize=12)
    return figure
