"""A tiny Fashion-MNIST, and a world without the real one: no variable, no system copy, no cache, no network."""

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minitorch_cv.data import FashionMNIST, sources
from minitorch_cv.data.idx import DataError
from minitorch_cv.data.published import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, IdxFile

SHAPES = {TRAIN_IMAGES: (20, 28, 28), TRAIN_LABELS: (20,), TEST_IMAGES: (10, 28, 28), TEST_LABELS: (10,)}


def idx_bytes(array):
    """An array of bytes as an IDX file."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


class TinyCopy:
    """The bytes of the four files of a tiny data set, and how to write them."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.arrays = {
            name: rng.integers(0, 256 if len(shape) == 3 else 10, shape, np.uint8) for name, shape in SHAPES.items()
        }
        self.raw = {name: idx_bytes(array) for name, array in self.arrays.items()}
        self.contents = {
            name: IdxFile(name, SHAPES[name], hashlib.sha256(raw).hexdigest()) for name, raw in self.raw.items()
        }

    def write(self, folder: Path, packed=True, names=tuple(SHAPES)):
        """Write the files into `folder`; returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(self.raw[name]))
            else:
                (folder / name).write_bytes(self.raw[name])
        return folder


class Downloads:
    """Stands in for the network: `copy` is what it offers, None while offline; `folders` are those downloaded into."""

    def __init__(self):
        self.copy = None
        self.folders = []

    def __call__(self, published, folder):
        self.folders.append(folder)
        if self.copy is None:
            raise DataError("no mirror answered; is this machine offline?")
        self.copy.write(folder)


@pytest.fixture
def tiny(monkeypatch):
    """The tiny data set takes the place of the full one."""
    copy = TinyCopy()
    monkeypatch.setattr(FashionMNIST, "published", replace(FashionMNIST.published, contents=copy.contents))
    return copy


@pytest.fixture
def cache(tmp_path):
    """The user's cache folder, not there yet."""
    return tmp_path / "cache" / "fashion-mnist"


@pytest.fixture(autouse=True)
def network(monkeypatch, cache):
    """Nothing of this machine is seen, and the network is down."""
    downloads = Downloads()
    monkeypatch.delenv(sources.VARIABLE, raising=False)
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(sources, "cache_folder", lambda: cache.parent)
    monkeypatch.setattr(sources, "download", downloads)
    sources.download_failure.cache_clear()
    sources.announce_subset.cache_clear()
    return downloads
