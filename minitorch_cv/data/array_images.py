"""Labelled images that lie in one array: batches made by whole arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..random import numpy_generator
from ..tensor import Tensor
from .collate import default_collate
from .datasets import Dataset
from .places import places
from .published import Published
from .sources import Source, find_source
from .stored import Stored
from .transforms import ToTensor, batch_steps
from .transforms.views import NotResidentError
from .whole_batches import transform_draws, with_generator

if TYPE_CHECKING:
    from PIL.Image import Image

Indices = Sequence[int] | np.ndarray


class ArrayImages(Dataset):
    """The training or the test images of a published data set; a subclass says which one, and how its files are read.

    `[i]` is (PIL image, or what `transform` makes of it; int, or what `target_transform` makes of it). `data` uint8,
    (N, H, W) or (N, H, W, C), and `targets` int64 (N,) are tensors, `arrays()` gives the same as NumPy arrays;
    `source` says where they came from, is_built_in that it was the subset inside this package.
    """

    published: ClassVar[Published]
    classes: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Image], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = True,
    ):
        found = find_source(self.published, root, train, download)
        images, labels = self.read(found, train)
        self.data = Tensor(images)
        self.targets = Tensor(labels)
        self.source = found.text
        self.is_built_in = found.contents is self.published.embedded
        self.train = train
        self.transform = transform
        self.target_transform = target_transform

    @staticmethod
    def read(source: Source, train: bool) -> tuple[np.ndarray, np.ndarray]:
        """The images and labels of one split; DataError names a file that is wrong."""
        raise NotImplementedError

    @property
    def draws(self) -> bool:
        """Whether the transform draws random numbers."""
        return transform_draws(self.transform)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of every class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All images, uint8, and labels, int64 (N,), as NumPy arrays that share the data set's memory."""
        return self.data.numpy(), self.targets.numpy()

    def stored(self) -> Stored:
        """The images before their transform, for a device to make batches of; see `DataLoader`."""
        if self.target_transform is not None:
            raise NotResidentError("a target_transform makes the labels")
        images, labels = self.arrays()
        return Stored(planes(images), labels, self.transform)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.sample(index, self.transform)

    def sample(self, index: int, transform: Callable[[Image], Any] | None) -> tuple[Any, Any]:
        """One image, transformed, and its label."""
        from PIL import Image

        images, labels = self.arrays()
        image: Any = Image.fromarray(np.ascontiguousarray(images[index]))
        return image if transform is None else transform(image), self.target(labels[index])

    def target(self, label: Any) -> Any:
        """What a sample has for a label."""
        return int(label) if self.target_transform is None else self.target_transform(int(label))

    def fetch_samples(self, indices: Indices, generator: np.random.Generator | None = None) -> list[tuple[Any, Any]]:
        """The samples at `indices`, one by one; what is random in them comes from `generator`."""
        transform = with_generator(self.transform, generator)
        return [self.sample(index, transform) for index in places(indices).tolist()]

    def fetch_batch(self, indices: Indices, generator: np.random.Generator | None = None) -> Any:
        """Images float32 (B, C, H, W) in [0, 1] and labels int64 (B,) at `indices`.

        Made by whole arrays where the transform can be, with what is random from `generator`, or else the default one;
        a transform of one's own gets the images one by one. Bytes that no transform made floats are divided by 255.
        """
        steps = [] if self.transform is None else batch_steps(self.transform)
        if steps is None:
            return default_collate(self.fetch_samples(indices, generator))
        images, labels = self.arrays()
        rows = places(indices)
        batch = planes(images[rows])
        for step in steps:
            batch = step(batch, numpy_generator(generator))
        if batch.dtype == np.uint8:
            batch = ToTensor().batch(batch)
        if self.target_transform is None:
            return [Tensor(batch), Tensor(labels[rows])]
        return [Tensor(batch), default_collate([self.target(label) for label in labels[rows]])]

    def __repr__(self) -> str:
        split = f"train={self.train}, {len(self):,} images"
        return f"{type(self).__name__}({split}, source: {self.source})"


def planes(images: np.ndarray) -> np.ndarray:
    """(N, H, W) -> (N, 1, H, W), (N, H, W, C) -> (N, C, H, W), sharing memory."""
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
