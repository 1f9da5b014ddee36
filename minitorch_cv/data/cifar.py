"""CIFAR-10 and CIFAR-100: 60,000 colour images of 32x32 pixels in 10 or 100 classes (Krizhevsky 2009)."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from .array_images import ArrayImages
from .checksums import checked_archive
from .idx import DataError
from .published import CIFAR10 as PUBLISHED_10
from .published import CIFAR100 as PUBLISHED_100
from .published import ArchiveFile
from .sources import Source

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
CLASSES_10 = "airplane automobile bird cat deer dog frog horse ship truck"
CLASSES_100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""


class CIFAR10(ArrayImages):
    """50,000 training or 10,000 test images in ten classes, as torchvision's class of this name has them.

    Samples and batches are as in `FashionMNIST`, with three channels. `data` uint8 (N, 32, 32, 3) and `targets` int64
    (N,) are tensors, where torchvision has an array and a list. The files are looked for in the same places; what is
    read is the binary version, cifar-10-binary.tar.gz, as it was downloaded: reading the Python version would run code
    from the file (pickle). DataError says where to get it.
    """

    published = PUBLISHED_10
    classes: ClassVar[tuple[str, ...]] = tuple(CLASSES_10.split())
    label_bytes = 1

    @classmethod
    def read(cls, source: Source, train: bool) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 (N, 32, 32, 3) and labels int64 (N,) of one split; DataError names a file that is wrong."""
        ((name, expected),) = source.contents.items()
        assert isinstance(expected, ArchiveFile)
        path = source.paths[name]
        archive = checked_archive(path, expected, source.published)
        members = expected.train if train else expected.test
        files = read_members(archive, members, expected.size, path)
        records = np.concatenate([parse_records(raw, cls.label_bytes, path) for raw in files])
        images = records[:, cls.label_bytes :].reshape(-1, *SHAPE)
        # (N, 3, 32, 32) -> (N, 32, 32, 3); of two labels the last is the finer.
        return images.transpose(0, 2, 3, 1), records[:, cls.label_bytes - 1].astype(np.int64)


class CIFAR100(CIFAR10):
    """50,000 training or 10,000 test images in a hundred classes; all else as with `CIFAR10`."""

    published = PUBLISHED_100
    label_bytes = 2  # of one of twenty superclasses, and of the class
    classes = tuple(CLASSES_100.split())


def read_members(archive: bytes, members: Sequence[str], most: int, path: Path) -> list[bytes]:
    """The files of these names in a .tar.gz that unpacks to at most so many bytes; DataError where it does not.

    Where an entry ends is known from its header, before any of it is unpacked.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
            for entry in files:
                end = entry.offset_data + entry.size
                if end > most:
                    raise DataError(f"{path}: {entry.name} in it ends at byte {end:,}, after the published {most:,}")
                if entry.isfile() and entry.name in members:
                    found[entry.name] = files.extractfile(entry).read()  # type: ignore[union-attr]
        return [found[member] for member in members]
    except (tarfile.TarError, EOFError, KeyError, OSError, zlib.error) as error:
        raise DataError(f"{path}: cannot be unpacked ({error}); delete it and fetch it again") from error


def parse_records(raw: bytes, label_bytes: int, path: Path) -> np.ndarray:
    """Records of the label bytes and then the pixels, plane by plane, -> uint8 (N, label bytes + 3072)."""
    width = label_bytes + PIXELS
    if not raw or len(raw) % width:
        raise DataError(f"{path}: a file in it has {len(raw):,} bytes, not records of {width:,}; fetch it again")
    return np.frombuffer(raw, np.uint8).reshape(-1, width)
