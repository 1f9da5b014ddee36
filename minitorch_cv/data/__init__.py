"""Data sets, loaders and image transforms."""

from .cifar import CIFAR10, CIFAR100
from .class_subset import ClassSubset
from .collate import default_collate
from .datasets import Dataset, Subset, TensorDataset, random_split
from .device_batches import DeviceBatches
from .distributed_sampler import DistributedSampler, SharedLoader
from .fashion_mnist import FashionMNIST, load_data_fashion_mnist
from .idx import DataError, read_idx
from .image_folder import ImageFolder
from .kfold import k_fold
from .loader import DataLoader
from .mnist import MNIST
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
from .transforms.views import NotResidentError

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "CenterCrop",
    "ClassSubset",
    "ColorJitter",
    "Compose",
    "CutMix",
    "DataError",
    "DataLoader",
    "Dataset",
    "DeviceBatches",
    "DistributedSampler",
    "FashionMNIST",
    "GaussianNoise",
    "Grayscale",
    "ImageFolder",
    "InterpolationMode",
    "MixUp",
    "Normalize",
    "NotResidentError",
    "Pad",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "SharedLoader",
    "Subset",
    "TensorDataset",
    "ToTensor",
    "default_collate",
    "k_fold",
    "load_data_fashion_mnist",
    "random_split",
    "read_idx",
]
