"""The data sets as their authors published them: names of files, what these must hold, where they can be had."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@dataclass(frozen=True)
class IdxFile:
    """One IDX file: its name without .gz or .xz, the shape of its array, the SHA-256 of its *decompressed* bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str
    suffixes = ("", ".gz")

    @property
    def digest(self) -> str:
        """The hash, with the algorithm before it."""
        return f"sha256:{self.sha256}"

    @property
    def size(self) -> int:
        """How many bytes the file has, decompressed."""
        return 4 + 4 * len(self.shape) + math.prod(self.shape)


@dataclass(frozen=True)
class ArchiveFile:
    """One archive, which is kept as it was downloaded: its name, its MD5, the files in it of each split.

    size: in bytes, what it unpacks to at most.
    """

    name: str
    md5: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    size: int
    suffixes = ("",)

    @property
    def digest(self) -> str:
        """The hash, with the algorithm before it."""
        return f"md5:{self.md5}"


@dataclass(frozen=True, eq=False)
class Published:
    """A data set: its name, its files and where they are.

    folder: the name of its folder in the user's cache and among the system copies; nested: where torchvision keeps it
    below a root; downloads: {file on the mirrors: hash}; size: of the download, in MB; embedded: what the subset that
    is shipped inside this package holds, nothing where there is none.
    """

    name: str
    folder: str
    nested: Path
    contents: dict[str, IdxFile] | dict[str, ArchiveFile]
    downloads: dict[str, str]
    size: int
    mirrors: tuple[str, ...]
    embedded: dict[str, IdxFile]

    def split_files(self, train: bool) -> tuple[str, ...]:
        """The names of the files that one split needs: images and labels, or the archive that holds both splits."""
        if TRAIN_IMAGES in self.contents:
            return split_files(train)
        return tuple(self.contents)

    def largest_file(self) -> int:
        """How many bytes the largest of its files has, decompressed: whichever a file is mistaken for, no more."""
        return max(file.size for file in (*self.contents.values(), *self.embedded.values()))


def split_files(train: bool) -> tuple[str, str]:
    """The names of the IDX files with the images and the labels of one split."""
    return (TRAIN_IMAGES, TRAIN_LABELS) if train else (TEST_IMAGES, TEST_LABELS)


def idx_files(
    train_images: str, train_labels: str, test_images: str, test_labels: str, train: int, test: int
) -> dict[str, IdxFile]:
    """The four files of a data set of 28x28 pixels, by their SHA-256 and the number of images of each split."""
    files = (
        IdxFile(TRAIN_IMAGES, (train, 28, 28), train_images),
        IdxFile(TRAIN_LABELS, (train,), train_labels),
        IdxFile(TEST_IMAGES, (test, 28, 28), test_images),
        IdxFile(TEST_LABELS, (test,), test_labels),
    )
    return {file.name: file for file in files}


def packed_idx(algorithm: str, *hashes: str) -> dict[str, str]:
    """The four .gz files as published, with their hashes; what is inside is checked again when it is read."""
    names = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    return {f"{name}.gz": f"{algorithm}:{digest}" for name, digest in zip(names, hashes, strict=True)}


def cifar(name: str, folder: str, archive: ArchiveFile, size: int) -> Published:
    """CIFAR-10 or CIFAR-100 in the binary version, which unlike the Python version needs no pickle to be read."""
    mirrors = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
    return Published(
        name, folder, Path(), {archive.name: archive}, {archive.name: archive.digest}, size, mirrors, embedded={}
    )


FASHION_MNIST = Published(
    name="Fashion-MNIST",
    folder="fashion-mnist",
    nested=Path("FashionMNIST", "raw"),
    contents=idx_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        train=60000,
        test=10000,
    ),
    downloads=packed_idx(
        "sha256",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    size=31,
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    # The first 600 training and 100 test images of each class (tools/make_embedded.py).
    embedded=idx_files(
        "cf313073c7eb485392848071d5c433571d7166043e971e3345b095cc30518084",
        "097b93fbcf9bd5bc648b1a457ddc55c9e4ab49afb33f9ecae8ce068399a75e3a",
        "7cee33c3c6414b1b86c25e665a6c4f41584269de3b7cc9768b1d351922845eef",
        "3128d790775889812b73c4f13923559c8b9e281d112c6ea7862acf60a206a909",
        train=6000,
        test=1000,
    ),
)

MNIST = Published(
    name="MNIST",
    folder="mnist",
    nested=Path("MNIST", "raw"),
    contents=idx_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        train=60000,
        test=10000,
    ),
    downloads=packed_idx(
        "md5",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    size=12,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    embedded={},
)

CIFAR10 = cifar(
    "CIFAR-10",
    "cifar-10",
    ArchiveFile(
        "cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
        train=tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
        test=("cifar-10-batches-bin/test_batch.bin",),
        size=190_000_000,
    ),
    size=170,
)
CIFAR100 = cifar(
    "CIFAR-100",
    "cifar-100",
    ArchiveFile(
        "cifar-100-binary.tar.gz",
        "03b5dce01913d631647c71ecec9e9cb8",
        train=("cifar-100-binary/train.bin",),
        test=("cifar-100-binary/test.bin",),
        size=190_000_000,
    ),
    size=169,
)

ALL = (FASHION_MNIST, MNIST, CIFAR10, CIFAR100)
