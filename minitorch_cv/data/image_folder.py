"""Images in folders, one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..random import numpy_generator
from ..tensor import Tensor
from .array_images import Indices
from .collate import default_collate
from .datasets import Dataset
from .idx import DataError
from .image_file import load_image
from .places import places
from .transforms import ToTensor, batch_steps
from .whole_batches import transform_draws, with_generator

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class ImageFolder(Dataset):
    """The images root/CLASS/.../NAME.png (.jpg, ...) with their classes, as torchvision's class of this name has them.

    `[i]` is (PIL image, or what `transform` makes of it; label, or what `target_transform` makes of it). `classes` are
    the names of the folders in root, sorted; `class_to_idx` gives their labels, `samples` is [(path, label), ...],
    sorted by class and path, and `targets` the labels alone. Hidden files and folders are passed over.

    loader: path -> image; by default `load_image`, which turns every image into `mode` ("RGB", "L") of 8 bits, upright
    where a photo lies on its side. is_valid_file: says of a path whether it is one of the images, in place of the file
    extensions. allow_empty lets a class have no images. check=True reads every image once now, so that a broken one is
    found before training rather than in the middle.

    A DataLoader makes batches (B, C, H, W) by whole arrays from the first step of the transform at which all images
    have one size, and float32 in [0, 1] of bytes that no transform made floats.

    DataError where root is missing or has no folders, names classes without images, names a file that cannot be read,
    and names two images of a batch that differ in size.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        mode: str = "RGB",
        check: bool = False,
    ):
        self.root = Path(root).expanduser()
        self.transform = transform
        self.target_transform = target_transform
        self.loader = loader
        self.mode = mode
        self.classes = find_classes(self.root)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self.samples = find_samples(self.root, self.classes, is_valid_file or has_image_extension, allow_empty)
        self.targets = [label for _, label in self.samples]
        if check:
            for path, _ in self.samples:
                self.load(path)

    @property
    def imgs(self) -> list[tuple[str, int]]:
        """`samples` under torchvision's other name."""
        return self.samples

    @property
    def draws(self) -> bool:
        """Whether the transform draws random numbers."""
        return transform_draws(self.transform)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.sample(index, self.transform)

    def sample(self, index: int, transform: Callable[[Any], Any] | None) -> tuple[Any, Any]:
        """One image, transformed, and its label."""
        path, label = self.samples[index]
        image = self.load(path)
        return image if transform is None else transform(image), self.target(label)

    def target(self, label: int) -> Any:
        """What a sample has for a label."""
        return label if self.target_transform is None else self.target_transform(label)

    def load(self, path: str) -> Any:
        """The image in a file; DataError names one that cannot be read."""
        if self.loader is None:
            return load_image(path, self.mode)
        try:
            return self.loader(path)
        except Exception as error:  # of any type, as the loader is the user's
            reason = f"{type(error).__name__}: {error}"
            raise DataError(f"{path}: cannot be read as an image ({reason}); replace the file or delete it") from error

    def fetch_samples(self, indices: Indices, generator: np.random.Generator | None = None) -> list[tuple[Any, Any]]:
        """The samples at `indices`, one by one; what is random in them comes from `generator`."""
        transform = with_generator(self.transform, generator)
        return [self.sample(index, transform) for index in places(indices).tolist()]

    def fetch_batch(self, indices: Indices, generator: np.random.Generator | None = None) -> Any:
        """Images float32 (B, C, H, W) in [0, 1] and labels int64 (B,) at `indices`.

        By whole arrays where the transform can be, with what is random from `generator`, or else the default one; a
        transform of one's own gets the images one by one.
        """
        steps = [] if self.transform is None else batch_steps(self.transform)
        if steps is None or self.loader is not None:
            return default_collate(self.fetch_samples(indices, generator))
        paths, labels = zip(*(self.samples[index] for index in places(indices).tolist()))
        images = [planes(self.load(path)) for path in paths]
        batch = transformed(images, steps, numpy_generator(generator), paths)
        return [Tensor(batch), default_collate([self.target(label) for label in labels])]

    def __repr__(self) -> str:
        return f"ImageFolder({str(self.root)!r}, {len(self):,} images in {len(self.classes)} classes)"


def find_classes(root: Path) -> list[str]:
    """The names of the folders in root, sorted."""
    try:
        classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not hidden(entry.name))
    except OSError as error:
        raise DataError(
            f"ImageFolder: {root} cannot be read ({error.strerror}); name the folder that holds a folder per class"
        ) from error
    if not classes:
        raise DataError(f"ImageFolder: {root} holds no folders; put the images of each class into a folder of its own")
    return classes


def find_samples(
    root: Path, classes: list[str], is_image: Callable[[str], bool], allow_empty: bool
) -> list[tuple[str, int]]:
    """[(path, label), ...] of all images, sorted by class and path; DataError names classes that have none."""
    samples = []
    empty = []
    for label, name in enumerate(classes):
        paths = [path for path in files_below(root / name) if is_image(path)]
        samples += [(path, label) for path in paths]
        if not paths:
            empty.append(name)
    if empty and not allow_empty:
        raise DataError(
            f"ImageFolder: no images in the class folders {', '.join(empty)} of {root} (looked for "
            f"{', '.join(IMG_EXTENSIONS)}); fill or delete them, or pass allow_empty=True"
        )
    return samples


def files_below(folder: Path) -> list[str]:
    """The files in a folder and in those below it, sorted."""
    paths = []
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not hidden(name)]
        paths += [os.path.join(place, name) for name in files if not hidden(name)]
    return sorted(paths)


def hidden(name: str) -> bool:
    """True for names that begin with a dot."""
    return name.startswith(".")


def has_image_extension(path: str) -> bool:
    """True for a file whose name ends as those of images do."""
    return path.lower().endswith(IMG_EXTENSIONS)


def planes(image: Any) -> np.ndarray:
    """A PIL image -> uint8 (C, H, W)."""
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def transformed(
    images: list[np.ndarray],
    steps: list[Callable[[np.ndarray, np.random.Generator], np.ndarray]],
    generator: np.random.Generator,
    paths: tuple[str, ...],
) -> np.ndarray:
    """Images (C, H, W), after all the steps, as a batch (N, C, H, W) of floats.

    Each step works on the images one by one until they have one size, and from there on the batch.
    """
    sizes = [image.shape for image in images]
    remaining = list(steps)
    while remaining and len({image.shape for image in images}) > 1:
        step = remaining.pop(0)
        images = [step(image[None], generator)[0] for image in images]
    batch = stacked(images, sizes, paths)
    for step in remaining:
        batch = step(batch, generator)
    return ToTensor().batch(batch) if batch.dtype == np.uint8 else batch


def stacked(images: list[np.ndarray], sizes: list[tuple[int, ...]], paths: tuple[str, ...]) -> np.ndarray:
    """(C, H, W) each -> (N, C, H, W); DataError names two images that differ, with the sizes of their files."""
    other = next((i for i, image in enumerate(images) if image.shape != images[0].shape), None)
    if other is not None:
        first, second = (f"{paths[i]} has {sizes[i][1]}x{sizes[i][2]} pixels" for i in (0, other))
        raise DataError(
            f"ImageFolder: {first} but {second} (height x width), and a batch needs one size; add "
            "Resize((height, width)) or RandomResizedCrop to the transform"
        )
    return np.stack(images)
