"""Images into other images and into tensors: torchvision's transforms, on whole batches or on one image."""

from .base import Transform
from .compose import Compose, batch_steps
from .flip import RandomHorizontalFlip, RandomVerticalFlip
from .normalize import Normalize
from .options import InterpolationMode
from .resize import Resize
from .to_tensor import ToTensor

__all__ = [
    "Compose",
    "InterpolationMode",
    "Normalize",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "Resize",
    "ToTensor",
    "Transform",
    "batch_steps",
]
