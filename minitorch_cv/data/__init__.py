"""Data sets, loaders and image transforms."""

from .collate import default_collate
from .datasets import Dataset, Subset, TensorDataset, random_split
from .fashion_mnist import FashionMNIST, load_data_fashion_mnist
from .idx import DataError, read_idx
from .loader import DataLoader
from .transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    CutMix,
    GaussianNoise,
    Grayscale,
    InterpolationMode,
    MixUp,
    Normalize,
    Pad,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
    ToTensor,
)

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "DataError",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
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
    "Subset",
    "TensorDataset",
    "ToTensor",
    "default_collate",
    "load_data_fashion_mnist",
    "random_split",
    "read_idx",
]
