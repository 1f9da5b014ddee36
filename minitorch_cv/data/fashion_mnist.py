"""Fashion-MNIST: 70,000 grey images of 28x28 pixels in ten classes of clothing (Xiao, Rasul, Vollgraf 2017)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..random import numpy_generator
from ..tensor import Tensor
from .collate import default_collate
from .datasets import Dataset
from .loader import DataLoader
from .sources import find_source
from .transforms import Compose, Resize, ToTensor, batch_steps

if TYPE_CHECKING:
    from PIL.Image import Image


class FashionMNIST(Dataset):
    """60,000 training or 10,000 test images with their labels, as torchvision's class of this name has them.

    `[i]` is (PIL image, or what `transform` makes of it; int, or what `target_transform` makes of it). `data` uint8
    (N, 28, 28) and `targets` int64 (N,) are tensors, `arrays()` gives the same as NumPy arrays; `source` says where
    they came from.

    Unlike torchvision's: root may be left out; then the data are looked for in $MINITORCH_CV_DATA, the system copy of
    the Debian package dataset-fashion-mnist, the user's cache and on the network, and if all fail a built-in subset of
    6,000 training and 1,000 test images serves, which a line on stderr says. root itself may hold the IDX files, plain
    or .gz, as well as FashionMNIST/raw. download is True by default and fills only a root that is missing or empty.
    A DataLoader makes float32 (B, 1, 28, 28) in [0, 1] of the images if no transform does.

    DataError (a RuntimeError) names a folder or file that is missing, unreadable, truncated, swapped or altered.
    """

    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Image], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = True,
    ):
        found = find_source(root, train, download)
        images, labels = found.read(train)
        self.data = Tensor(images)
        self.targets = Tensor(labels)
        self.source = found.text
        self.train = train
        self.transform = transform
        self.target_transform = target_transform

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of every class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All images, uint8 (N, 28, 28), and labels, int64 (N,), as NumPy arrays that share the data set's memory."""
        return self.data.numpy(), self.targets.numpy()

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from PIL import Image

        images, labels = self.arrays()
        image: Any = Image.fromarray(images[index])
        label: Any = int(labels[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def fetch_batch(self, indices: Sequence[int] | np.ndarray) -> Any:
        """Images float32 (B, 1, H, W) in [0, 1] and labels int64 (B,) at `indices`.

        Made by whole arrays where the transform can be; a transform of one's own gets the images one by one.
        """
        steps = [] if self.transform is None else batch_steps(self.transform)
        if steps is None:
            return super().fetch_batch(indices)
        images, labels = self.arrays()
        rows = np.asarray(indices, np.intp)
        batch = images[rows][:, None]  # (B, H, W) -> (B, 1, H, W)
        for step in steps:
            batch = step(batch, numpy_generator(None))
        if batch.dtype == np.uint8:
            batch = ToTensor().batch(batch)
        if self.target_transform is None:
            return [Tensor(batch), Tensor(labels[rows])]
        return [Tensor(batch), default_collate([self.target_transform(int(label)) for label in labels[rows]])]

    def __repr__(self) -> str:
        return f"FashionMNIST(train={self.train}, {len(self):,} images, source: {self.source})"


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None, data: str | os.PathLike[str] | None = None
) -> tuple[DataLoader, DataLoader]:
    """The training batches, shuffled, and the test batches: images float32 (B, 1, 28, 28) in [0, 1] and labels (B,).

    resize: another side length, or (height, width), to which each batch is brought as it is drawn; data: the folder of
    the data set, as `root` of `FashionMNIST`.
    """
    transform = ToTensor() if resize is None else Compose([Resize(resize), ToTensor()])
    train, test = (FashionMNIST(data, train, transform) for train in (True, False))
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, batch_size)
