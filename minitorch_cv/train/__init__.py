"""Training: the loop, what can be added to it, and what a run leaves on disk."""

from .checkpoint import Checkpoint, read_metadata
from .checkpoint_file import CheckpointError
from .ema import EMA
from .finetuning import freeze_body, head_and_body, replace_head
from .freezing import freeze
from .k_fold import k_fold_accuracy
from .loop import NonFiniteLossError, StopTraining, evaluate, fit
from .progress import Epoch, Progress, Step
from .run_folder import RunFolder
from .stopping import EarlyStopping
from .tensorboard import TensorBoard
from .trained import Trained, TrainedError, load_trained
from .weights import WeightsError, load_weights, save_weights

__all__ = [
    "EMA",
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "Epoch",
    "NonFiniteLossError",
    "Progress",
    "RunFolder",
    "Step",
    "StopTraining",
    "TensorBoard",
    "Trained",
    "TrainedError",
    "WeightsError",
    "evaluate",
    "fit",
    "freeze",
    "freeze_body",
    "head_and_body",
    "k_fold_accuracy",
    "load_trained",
    "load_weights",
    "read_metadata",
    "replace_head",
    "save_weights",
]
