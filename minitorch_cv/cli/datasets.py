"""The data sets that `minitorch-cv train` knows, resized and augmented."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .settings import AUGMENTATIONS, Settings, SettingsError

PUBLISHED = ("fashion-mnist", "mnist", "cifar-10", "cifar-100")
TEST_FOLDERS = ("test", "val", "valid")
MODES = {1: "L", 3: "RGB"}  # Pillow's name for images with so many channels
HELD_OUT = 0.2  # of a folder of images that has no test images of its own


@dataclass(frozen=True)
class DataSets:
    """Training and test images (C, H, W) with labels, what they show, and where they come from.

    workers: 1 where preparing a batch takes so long that it should be done while the one before is trained on.
    built_in: they are the subset inside this package, as the data set was not found.
    """

    train: Any
    test: Any
    title: str
    classes: Sequence[str]
    channels: int
    source: str
    workers: int
    built_in: bool = False


def data_sets(settings: Settings, folder: str | None, channels: int = 3) -> DataSets:
    """The data set of the settings, by its name or the path of a folder of images.

    folder: where the files of a published data set are; channels: what images in folders are made to have. DataError
    where something is missing or broken there, SettingsError for a class that is not there.
    """
    path = Path(settings.dataset).expanduser()
    if os.sep in settings.dataset or path.is_dir():
        if folder is not None:
            raise SettingsError("--data is for published data sets; --dataset names the folder of images already")
        return image_folders(settings, path, channels)
    return with_classes(settings, published(settings, folder))


def published(settings: Settings, folder: str | None) -> DataSets:
    """A data set that is read from, or downloaded as, its authors' files."""
    from ..data import CIFAR10, CIFAR100, MNIST, FashionMNIST

    name = settings.dataset.replace("cifar1", "cifar-1")
    if name not in PUBLISHED:
        raise SettingsError(f"--dataset {name}: choose one of {', '.join(PUBLISHED)}, or a folder of images")
    kind: Any = dict(zip(PUBLISHED, (FashionMNIST, MNIST, CIFAR10, CIFAR100)))[name]
    side, channels = (32, 3) if kind in (CIFAR10, CIFAR100) else (28, 1)
    resized = side != settings.resize
    search = folder is None  # a folder that was named is read or refused, never downloaded into
    train = kind(folder, True, transform(settings, resized, channels, augmented=True), download=search)
    test = kind(folder, False, transform(settings, resized, channels, augmented=False), download=search)
    workers = int(resized or bool(settings.augment))
    return DataSets(train, test, kind.published.name, train.classes, channels, train.source, workers, train.is_built_in)


def image_folders(settings: Settings, root: Path, channels: int) -> DataSets:
    """root/train/CLASS/*.jpg and root/test/CLASS/*.jpg (or val, valid), else root/CLASS/*.jpg with a fifth held out."""
    from ..data import ImageFolder, Subset

    mode = mode_of(channels)
    steps, plain = (transform(settings, True, channels, augmented) for augmented in (True, False))
    tests = [root / name for name in TEST_FOLDERS if (root / name).is_dir()]
    if (root / "train").is_dir() and tests:
        train, test = ImageFolder(root / "train", steps, mode=mode), ImageFolder(tests[0], plain, mode=mode)
        if train.classes != test.classes:
            different = sorted({*train.classes} ^ {*test.classes})
            raise SettingsError(f"{root}: train and {tests[0].name} differ in {', '.join(different)}")
        sets = DataSets(train, test, str(root), train.classes, channels, str(root), workers=1)
        return with_classes(settings, sets)
    folders = (ImageFolder(root, part, mode=mode) for part in (steps, plain))
    images, same = (of_classes(settings, folder, None) for folder in folders)
    order = np.random.default_rng(0).permutation(len(images))
    held_out = max(1, round(HELD_OUT * len(images)))
    if len(images) < 2:
        raise SettingsError(f"{root}: holds {len(images)} image, too few to train on one and test on another")
    train_places = first_of_each(order[held_out:], images.targets, settings.per_class)
    train_part, test_part = Subset(images, train_places), Subset(same, order[:held_out])
    return DataSets(train_part, test_part, str(root), images.classes, channels, str(root), workers=1)


def mode_of(channels: int) -> str:
    """Pillow's mode for so many channels; SettingsError where image files have no such mode."""
    if channels not in MODES:
        raise SettingsError(f"the network takes {channels} channels, but image files have 1 (grey) or 3 (colour)")
    return MODES[channels]


def with_classes(settings: Settings, sets: DataSets) -> DataSets:
    """The images of those classes, and as many training images of each, as the settings say."""
    train, test = of_classes(settings, sets.train, settings.per_class), of_classes(settings, sets.test, None)
    return replace(sets, train=train, test=test, classes=train.classes)


def of_classes(settings: Settings, dataset: Any, per_class: int | None) -> Any:
    """The images of the classes that the settings name, at most per_class of each; SettingsError for unknown ones."""
    from ..data import ClassSubset

    if not settings.classes and per_class is None:
        return dataset
    try:
        return ClassSubset(dataset, settings.classes or dataset.classes, per_class)
    except ValueError as error:
        raise SettingsError(f"--classes: {error}") from error


def first_of_each(places: np.ndarray, targets: Sequence[int] | np.ndarray, count: int | None) -> np.ndarray:
    """Of these places the first `count` of each class; all for None."""
    if count is None:
        return places
    labels = np.asarray(targets)[places]
    kept = [places[labels == label][:count] for label in np.unique(labels)]
    return np.concatenate(kept)


def transform(settings: Settings, resized: bool, channels: int, augmented: bool) -> Any:
    """From a picture to what the network takes: resized, changed at random where `augmented`, float32 in [0, 1]."""
    from ..data import Compose, Resize, ToTensor

    names = settings.augment if augmented else []
    known = augmentations(settings.resize, channels)
    on_pixels = [known[name] for name in names if name not in ON_FLOATS]
    on_floats = [known[name] for name in names if name in ON_FLOATS]
    resize = [Resize((settings.resize, settings.resize))] if resized else []
    steps: list[Callable[[Any], Any]] = [*resize, *on_pixels, ToTensor(), *on_floats]
    return Compose(steps) if len(steps) > 1 else steps[0]


ON_FLOATS = ("erase", "noise")


def augmentations(side: int, channels: int) -> dict[str, Any]:
    """What --augment can name, for images of this side; hue and saturation are for colours only."""
    from ..data import (
        ColorJitter,
        GaussianNoise,
        RandomCrop,
        RandomErasing,
        RandomHorizontalFlip,
        RandomResizedCrop,
        RandomVerticalFlip,
    )

    saturation, hue = (0.4, 0.1) if channels == 3 else (0.0, 0.0)
    made = (
        RandomHorizontalFlip(),
        RandomVerticalFlip(),
        RandomCrop(side, padding=max(1, side // 8)),
        RandomResizedCrop(side, scale=(0.25, 1.0)),
        ColorJitter(0.4, 0.4, saturation, hue),
        RandomErasing(),
        GaussianNoise(sigma=0.05),
    )
    return dict(zip(AUGMENTATIONS, made, strict=True))
