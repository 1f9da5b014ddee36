"""The data sets that `minitorch-cv train` knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    """The data set of the settings, resized and augmented as they say, with the classes that they name.

    DataError where the folder does not hold it, SettingsError for a class that it does not have.
    """
    from ..data import Compose, FashionMNIST, Resize, ToTensor

    chosen("dataset", settings.dataset, DATASETS)
    if settings.augment:
        raise SettingsError("--augment: not available")
    transform = ToTensor() if settings.resize == 28 else Compose([Resize(settings.resize), ToTensor()])
    search = folder is None  # a folder that was named is read or refused, never downloaded into
    train, test = (FashionMNIST(folder, part, transform, download=search) for part in (True, False))
    return with_classes(settings, DataSets(train, test, "Fashion-MNIST", train.classes, 1, train.source))


def with_classes(settings: Settings, sets: DataSets) -> DataSets:
    """The images of those classes, and as many training images of each, as the settings say."""
    from ..data import ClassSubset

    if not settings.classes and settings.per_class is None:
        return sets
    classes = settings.classes or sets.classes
    try:
        train, test = ClassSubset(sets.train, classes, settings.per_class), ClassSubset(sets.test, classes)
    except ValueError as error:
        raise SettingsError(f"--classes: {error}") from error
    return replace(sets, train=train, test=test, classes=classes)
