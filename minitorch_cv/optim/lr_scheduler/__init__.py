"""Learning-rate schedules: how the rate follows the number of epochs or steps, with PyTorch's names and values."""

from .base import LRScheduler
from .book import cosine_with_warmup, inverse_square_root, inverse_time
from .combined import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .factor import ConstantLR, ExponentialLR, LinearLR, MultiStepLR, PolynomialLR, StepLR
from .functions import LambdaLR, MultiplicativeLR
from .one_cycle import OneCycleLR
from .plateau import ReduceLROnPlateau
