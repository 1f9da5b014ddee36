"""Data sets, loaders and image transforms."""

from .collate import default_collate
from .datasets import Dataset, Subset, TensorDataset, random_split
from .fashion_mnist import FashionMNIST, load_data_fashion_mnist
from .idx import DataError, read_idx
from .loader import DataLoader
from .transforms import Compose, Normalize, RandomHorizontalFlip, RandomVerticalFlip, Resize, ToTensor

__all__ = [
    "Compose",
    "DataError",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "Normalize",
    "RandomHorizontalFlip",
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
