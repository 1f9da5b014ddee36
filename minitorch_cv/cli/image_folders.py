"""Images in folders as the data of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .datasets import DataSets, with_classes
from .settings import Settings, SettingsError

IMAGE_FOLDER = "image-folder"  # the name of such data in the settings
MODES = {1: "L", 3: "RGB"}  # Pillow's name for images with so many channels
TEST_FOLDERS = ("test", "val")
EVERY = 5  # where there is no folder of test images, one image in so many is kept for testing


def image_folder_sets(settings: Settings, folder: str, channels: int) -> DataSets:
    """The images folder/train/CLASS/*.png and folder/test/CLASS/*.png, or folder/CLASS/*.png.

    Of the latter every fifth of each class is kept for testing. All images are read once, so that a broken one is found
    now, and are brought to the square of the settings. DataError where a folder is missing or empty or an image is
    broken; SettingsError where the classes for training and testing differ, or too few images are there to test with.
    """
    from ..data import Compose, ImageFolder, Resize, ToTensor

    if settings.augment:
        raise SettingsError("--augment: not available")
    root = Path(folder).expanduser()
    transform = Compose([Resize((settings.resize, settings.resize)), ToTensor()])
    test_root = find_test_folder(root)
    roots = [root] if test_root is None else [root / "train", test_root]
    images = [ImageFolder(part, transform, mode=mode_of(channels), check=True) for part in roots]
    if images[0].classes != images[-1].classes:
        raise SettingsError(
            f"--data {root}: the classes to train on are {', '.join(images[0].classes)}, but those to test on "
            f"{', '.join(images[-1].classes)}; make them the same"
        )
    sets = DataSets(images[0], images[-1], root.name, images[0].classes, channels, str(root))
    return with_classes(settings, sets) if test_root is not None else split(settings, sets)


def find_test_folder(root: Path) -> Path | None:
    """The folder of test images beside root/train; None where the classes lie in root itself."""
    if not (root / "train").is_dir():
        return None
    return next((root / name for name in TEST_FOLDERS if (root / name).is_dir()), None)


def mode_of(channels: int) -> str:
    """Pillow's mode for so many channels; SettingsError where image files have no such mode."""
    if channels not in MODES:
        raise SettingsError(f"the network takes {channels} channels, but image files have 1 (grey) or 3 (colour)")
    return MODES[channels]


def split(settings: Settings, sets: DataSets) -> DataSets:
    """Of the same images for training and testing, different ones for each."""
    from ..data import ClassSubset, Subset

    classes = settings.classes or sets.classes
    try:
        images = ClassSubset(sets.train, classes)
    except ValueError as error:
        raise SettingsError(f"--classes: {error}") from error
    train, test = places_to_train_and_test(images.targets, settings.per_class)
    if not test:
        raise SettingsError(
            f"--data {sets.source}: no class has {EVERY} images, so that one could be kept for testing; add images, "
            "or put some into a folder `test` beside `train`"
        )
    return replace(sets, train=Subset(images, train), test=Subset(images, test), classes=classes)


def places_to_train_and_test(targets: Sequence[int] | np.ndarray, per_class: int | None) -> tuple[list[int], list[int]]:
    """Every fifth place of each class for testing; of the others the first per_class for training."""
    train: list[int] = []
    test: list[int] = []
    for label in np.unique(targets):
        places = np.flatnonzero(np.asarray(targets) == label)
        kept = places[EVERY - 1 :: EVERY]
        test += kept.tolist()
        train += np.setdiff1d(places, kept)[:per_class].tolist()
    return sorted(train), sorted(test)
