"""Images into other images and into tensors: torchvision's transforms, on whole batches or on one image."""

from .base import Transform
from .color import ColorJitter, Grayscale
from .compose import Compose, batch_steps
from .crop import CenterCrop, Pad, RandomCrop
from .erasing import RandomErasing
from .flip import RandomHorizontalFlip, RandomVerticalFlip
from .mixing import CutMix, MixUp
from .noise import GaussianNoise
from .normalize import Normalize
from .options import InterpolationMode
from .random_resized_crop import RandomResizedCrop
from .resize import Resize
from .to_tensor import ToTensor

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "GaussianNoise",
    "Grayscale",
    "InterpolationMode",
    "MixUp",
    "Normalize",
    "Pad",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "ToTensor",
    "Transform",
    "batch_steps",
]
