"""Training: the loop, the accuracy, and what a run leaves on disk."""

from .loop import Epoch, NonFiniteLossError, Step, evaluate, fit
from .run_folder import RunFolder
from .weights import load_weights, save_weights

__all__ = ["Epoch", "NonFiniteLossError", "RunFolder", "Step", "evaluate", "fit", "load_weights", "save_weights"]
