"""Fashion-MNIST: 70,000 grey images of 28x28 pixels in ten classes of clothing (Xiao, Rasul, Vollgraf 2017)."""

from __future__ import annotations

import os

from .loader import DataLoader
from .mnist import MNIST
from .published import FASHION_MNIST
from .transforms import Compose, Resize, ToTensor


class FashionMNIST(MNIST):
    """60,000 training or 10,000 test images with their labels, as torchvision's class of this name has them.

    `[i]` is (PIL image, or what `transform` makes of it; int, or what `target_transform` makes of it). `data` uint8
    (N, 28, 28) and `targets` int64 (N,) are tensors, `arrays()` gives the same as NumPy arrays; `source` says where
    they came from.

    Unlike torchvision's: root may be left out; then the data are looked for in $MINITORCH_CV_DATA, the system copy of
    the Debian package dataset-fashion-mnist, the user's cache and on the network, and if all fail a built-in subset of
    6,000 training and 1,000 test images serves, which a line on stderr says. root itself may hold the IDX files, plain
    or .gz, as well as FashionMNIST/raw. download is True by default and fills only a root that is missing or empty, or
    holds nothing but other downloads of this kind.
    A DataLoader makes float32 (B, 1, 28, 28) in [0, 1] of the images if no transform does.

    DataError (a RuntimeError) names a folder or file that is missing, unreadable, truncated, swapped or altered.
    """

    published = FASHION_MNIST
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
