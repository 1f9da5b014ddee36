"""The data sets that `minitorch-cv train` knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .settings import Settings, SettingsError, chosen

DATASETS = ("fashion-mnist",)


@dataclass(frozen=True)
class DataSets:
    """Training and test images that give (C, H, W) and a label, what they show, and where they come from."""

    train: Any
    test: Any
    title: str
    classes: Sequence[str]
    channels: int
    source: str


def data_sets(settings: Settings, folder: str | None) -> DataSets:
    """The data set of the settings, resized and augmented as they say; DataError where the folder does not hold it."""
    from ..data import Compose, FashionMNIST, Resize, ToTensor

    chosen("dataset", settings.dataset, DATASETS)
    if settings.augment:
        raise SettingsError("--augment: not available")
    transform = ToTensor() if settings.resize == 28 else Compose([Resize(settings.resize), ToTensor()])
    search = folder is None  # a folder that was named is read or refused, never downloaded into
    train, test = (FashionMNIST(folder, part, transform, download=search) for part in (True, False))
    return DataSets(train, test, "Fashion-MNIST", train.classes, 1, train.source)
