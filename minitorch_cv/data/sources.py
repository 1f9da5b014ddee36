"""Where Fashion-MNIST is looked for."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .checksums import FULL, SUBSET, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, IdxFile, checked_array
from .download import download
from .idx import DataError, read_bytes

VARIABLE = "MINITORCH_CV_DATA"
SYSTEM_FOLDERS = (Path("/usr/share/datasets/fashion-mnist"), Path("/usr/local/share/datasets/fashion-mnist"))
TORCHVISION_FOLDER = Path("FashionMNIST", "raw")
SUFFIXES = ("", ".gz")
WHERE_ELSE = f"name no folder and unset ${VARIABLE} to use the system copy, the cache or the built-in subset"


@dataclass(frozen=True)
class Source:
    """A found copy: `text` says where it came from, `paths` has its files and `contents` what they must hold."""

    text: str
    paths: dict[str, Path]
    contents: dict[str, IdxFile]

    def read(self, train: bool) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 (N, 28, 28) and labels int64 (N,) of one split; DataError names a file that is wrong."""
        images, labels = (self._read(name) for name in split_files(train))
        return images, labels.astype(np.int64)

    def _read(self, name: str) -> np.ndarray:
        path = self.paths[name]
        return checked_array(read_bytes(path), self.contents[name], [*FULL.values(), *SUBSET.values()], str(path))


def split_files(train: bool) -> tuple[str, str]:
    """The names of the files with the images and the labels of one split."""
    return (TRAIN_IMAGES, TRAIN_LABELS) if train else (TEST_IMAGES, TEST_LABELS)


def find_source(root: str | os.PathLike[str] | None = None, train: bool = True, may_download: bool = True) -> Source:
    """The first copy of: root, $MINITORCH_CV_DATA, the Debian package, the cache, a download, the built-in subset.

    A folder that the user names must hold the split, else DataError; only a root that is missing or empty is downloaded
    into. The other places are passed over unless they hold all four files, so that both splits have the same origin.
    """
    if root is not None:
        return source_in_root(Path(root).expanduser(), split_files(train), may_download)
    named = os.environ.get(VARIABLE)
    if named:
        return source_in_named(Path(named).expanduser(), split_files(train), f"${VARIABLE}={named}")
    cache = cache_folder()
    for folder in (*SYSTEM_FOLDERS, cache):
        if source := complete_source(folder):
            return source
    reason = download_failure(cache) if may_download else "downloading was not allowed"
    source = complete_source(cache)
    if source is None:
        announce_subset(reason)
        return embedded_source(train)
    return source


def source_in_root(root: Path, wanted: Sequence[str], may_download: bool) -> Source:
    """The copy in the folder `root`, downloaded into it (torchvision's place) where it is missing or empty."""
    if may_download and lies_fallow(root, wanted):
        try:
            download(root / TORCHVISION_FOLDER)
        except (DataError, OSError) as error:
            raise DataError(
                f"{root}: holds no Fashion-MNIST, and downloading it there failed ({error}); {WHERE_ELSE}"
            ) from error
    return source_in_named(root, wanted, str(root))


def lies_fallow(root: Path, wanted: Sequence[str]) -> bool:
    """True for a folder to download into: missing, empty, or with nothing but a part of an earlier download."""
    try:
        entries = set(os.listdir(root))
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return entries <= {TORCHVISION_FOLDER.parts[0]} and not find_files(root, str(root)).keys() >= set(wanted)


def source_in_named(folder: Path, wanted: Sequence[str], name: str) -> Source:
    """The copy in a folder that the user chose; DataError where it is unreadable or lacks one of the `wanted` files."""
    paths = find_files(folder, name)
    for file in wanted:
        if file not in paths:
            raise DataError(
                f"{name}: no {file} or {file}.gz in this folder (nor in its {TORCHVISION_FOLDER}); "
                f"name the folder that holds Fashion-MNIST's IDX files, or {WHERE_ELSE}"
            )
    return Source(str(folder), paths, FULL)


def complete_source(folder: Path) -> Source | None:
    """The copy in a folder that the user did not name, None unless all four files are there."""
    try:
        paths = find_files(folder, str(folder))
    except DataError:
        return None
    return Source(str(folder), paths, FULL) if len(paths) == len(FULL) else None


def find_files(folder: Path, name: str) -> dict[str, Path]:
    """Which of the four files lie in `folder` or its FashionMNIST/raw, plain ones first; DataError if unreadable."""
    nested = folder / TORCHVISION_FOLDER
    places = {folder: listing(folder, name)}
    if TORCHVISION_FOLDER.parts[0] in places[folder] and nested.is_dir():
        places[nested] = listing(nested, name)
    paths: dict[str, Path] = {}
    for place, entries in places.items():
        for file in FULL:
            for suffix in SUFFIXES:
                if file + suffix in entries:
                    paths.setdefault(file, place / (file + suffix))
    return paths


def listing(folder: Path, name: str) -> set[str]:
    """The names in a folder; DataError, which calls the folder `name`, where it cannot be read."""
    try:
        return set(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"{name}: the data folder cannot be read ({error.strerror}); check the path and its permissions, "
            f"or {WHERE_ELSE}"
        ) from error


def cache_folder() -> Path:
    """The user's own folder for downloads, as the platform has it."""
    from platformdirs import user_cache_path

    return user_cache_path("minitorch_cv") / "fashion-mnist"


@functools.cache
def download_failure(folder: Path) -> str:
    """Why the download into `folder` failed, or nothing; tried once per process, so that an offline one waits once."""
    try:
        download(folder)
    except (DataError, OSError) as error:
        return str(error)
    return ""


@functools.cache
def announce_subset(reason: str) -> None:
    """Say on stderr, once per process, that the built-in subset serves."""
    print(
        f"Fashion-MNIST was not found ({reason}): using the built-in subset of 6,000 training and 1,000 test images. "
        f"For all 70,000, install the Debian package dataset-fashion-mnist or set {VARIABLE} to their folder.",
        file=sys.stderr,
    )


def embedded_source(train: bool) -> Source:
    """The subset that is shipped inside the package."""
    folder = Path(__file__).parent / "embedded"
    size, split = (6000, "training") if train else (1000, "test")
    return Source(f"embedded subset ({size:,} {split} images)", {name: folder / f"{name}.xz" for name in FULL}, SUBSET)
