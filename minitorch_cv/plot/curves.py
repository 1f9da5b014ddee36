"""Loss and accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_curves(history: Sequence[Any], title: str = "") -> Figure:
    """Training loss, training accuracy and test accuracy of each epoch in one figure, drawn as the book draws them.

    history: what `fit` returns, objects with epoch, train_loss, train_acc and test_acc.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 4), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    numbers = [epoch.epoch for epoch in history]
    marker = "o" if len(history) < 3 else ""  # a line through one or two points does not show
    lines = {"train loss": ("train_loss", "-"), "train acc": ("train_acc", "m--"), "test acc": ("test_acc", "g-.")}
    for label, (field, style) in lines.items():
        axes.plot(
            numbers, [getattr(epoch, field) for epoch in history], style, marker=marker, label=label, clip_on=False
        )
    axes.set_xlabel("epoch")
    axes.set_title(title)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(history) > 1:
        axes.set_xlim(numbers[0], numbers[-1])
    axes.grid(alpha=0.5)
    axes.legend()
    return figure
