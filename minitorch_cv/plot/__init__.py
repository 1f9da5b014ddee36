"""Pictures of a training run. Matplotlib is imported when the first one is drawn."""

from .curves import plot_curves
from .predictions import plot_predictions

__all__ = ["plot_curves", "plot_predictions"]
