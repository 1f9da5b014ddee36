"""Where a published data set is looked for."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from ..distributed import get_rank
from ..messages import say
from .download import download
from .idx import DataError
from .published import ALL, ArchiveFile, IdxFile, Published, split_files

VARIABLE = "MINITORCH_CV_DATA"
SYSTEM_FOLDERS = (Path("/usr/share/datasets"), Path("/usr/local/share/datasets"))


@dataclass(frozen=True)
class Source:
    """A found copy: `text` says where it came from, `paths` has its files and `contents` what they must hold."""

    text: str
    published: Published
    paths: dict[str, Path]
    contents: dict[str, IdxFile] | dict[str, ArchiveFile]


def find_source(
    published: Published, root: str | os.PathLike[str] | None = None, train: bool = True, may_download: bool = True
) -> Source:
    """The first copy of: root, $MINITORCH_CV_DATA, a system copy, the cache, a download, the built-in subset.

    A folder that the user names must hold the split, else DataError; only a root that is missing or empty is downloaded
    into. The other places are passed over unless they hold all files, so that both splits have the same origin.
    DataError where nothing is found and no subset of the data set is built in.
    """
    if root is not None:
        return source_in_root(published, Path(root).expanduser(), train, may_download)
    named = os.environ.get(VARIABLE)
    if named:
        return source_in_named(published, Path(named).expanduser(), train, f"${VARIABLE}={named}")
    for folder in own_places(published):
        if source := complete_source(published, folder):
            return source
    cache = cache_folder() / published.folder
    reason = download_failure(published, cache) if may_download else "downloading was not allowed"
    if source := complete_source(published, cache):
        return source
    if not published.embedded:
        raise DataError(
            f"{published.name} was not found ({reason}): fetch {described_downloads(published)} from "
            f"{published.mirrors[0]} and name their folder as root or in ${VARIABLE}"
        )
    announce_subset(reason)
    return embedded_source(published, train)


def own_places(published: Published) -> list[Path]:
    """The folders to look in that the user need not name: the system copies and the cache."""
    return [folder / published.folder for folder in (*SYSTEM_FOLDERS, cache_folder())]


def places(published: Published, root: str | os.PathLike[str] | None = None) -> list[Path]:
    """The folders that `find_source` would look in: the root alone, else $MINITORCH_CV_DATA alone, else our own."""
    chosen = os.environ.get(VARIABLE) if root is None else root
    return [Path(chosen).expanduser()] if chosen else own_places(published)


def source_in_root(published: Published, root: Path, train: bool, may_download: bool) -> Source:
    """The copy in the folder `root`, downloaded into it (torchvision's place) where it is missing or empty."""
    if may_download and lies_fallow(published, root, train):
        try:
            download(published, root / published.nested)
        except (DataError, OSError) as error:
            raise DataError(
                f"{root}: holds no {published.name}, and downloading it there failed ({error}); {where_else(published)}"
            ) from error
    return source_in_named(published, root, train, str(root))


def lies_fallow(published: Published, root: Path, train: bool) -> bool:
    """True for a folder to download into: missing, or with nothing but other downloads and a part of an earlier one."""
    try:
        entries = set(os.listdir(root))
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    ours = {other.nested.parts[0] for other in ALL if other.nested.parts}
    ours |= {name for other in ALL if not other.nested.parts for name in other.downloads}
    return entries <= ours and not find_files(published, root, str(root)).keys() >= set(published.split_files(train))


def source_in_named(published: Published, folder: Path, train: bool, name: str) -> Source:
    """The copy in a folder that the user chose; DataError where it is unreadable or lacks a file of the split."""
    paths = find_files(published, folder, name)
    for file in published.split_files(train):
        if file not in paths:
            names = " or ".join(file + suffix for suffix in published.contents[file].suffixes)
            nested = f" (nor in its {published.nested})" if published.nested.parts else ""
            raise DataError(
                f"{name}: no {names} in this folder{nested}; "
                f"name the folder that holds {described_files(published)}, or {where_else(published)}"
            )
    return Source(str(folder), published, paths, published.contents)


def complete_source(published: Published, folder: Path) -> Source | None:
    """The copy in a folder that the user did not name, None unless all files are there."""
    try:
        paths = find_files(published, folder, str(folder))
    except DataError:
        return None
    found = paths.keys() == published.contents.keys()
    return Source(str(folder), published, paths, published.contents) if found else None


def find_files(published: Published, folder: Path, name: str) -> dict[str, Path]:
    """Which of the files lie in torchvision's place below `folder` or in it, plain ones first; DataError if unreadable.

    Torchvision's place goes first, because files of several data sets have the same names.
    """
    entries = listing(published, folder, name)
    nested = folder / published.nested
    places = {}
    if published.nested.parts and published.nested.parts[0] in entries and nested.is_dir():
        places[nested] = listing(published, nested, name)
    places[folder] = entries
    paths: dict[str, Path] = {}
    for place, names in places.items():
        spellings = {as_published(entry): entry for entry in sorted(names)} | {entry: entry for entry in names}
        for file in published.contents.values():
            for suffix in file.suffixes:
                entry = spellings.get(file.name + suffix)
                if entry and not os.path.isdir(place / entry):  # as some archives have a folder around each file
                    paths.setdefault(file.name, place / entry)
    return paths


def as_published(name: str) -> str:
    """How the authors spell the name of a file: train-images-idx3-ubyte.gz for Train-images.idx3-ubyte.GZ.

    Some unpackers and mirrors write the dot, which is in the name inside the .gz.
    """
    return name.lower().replace(".idx", "-idx")


def listing(published: Published, folder: Path, name: str) -> set[str]:
    """The names in a folder; DataError, which calls the folder `name`, where it cannot be read."""
    try:
        return set(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"{name}: the data folder cannot be read ({error.strerror}); check the path and its permissions, "
            f"or {where_else(published)}"
        ) from error


def where_else(published: Published) -> str:
    """What a user does who named a folder in vain."""
    last = "the cache or the built-in subset" if published.embedded else "the cache or a download"
    return f"name no folder and unset ${VARIABLE} to use the system copy, {last}"


def described_files(published: Published) -> str:
    """What the files of a data set are called in a sentence."""
    if published.nested.parts:
        return f"{published.name}'s IDX files"
    return f"{published.name} in its binary version, still packed (the Python version is not read, as it is pickled)"


def described_downloads(published: Published) -> str:
    """The names of the files to download, in a sentence."""
    *most, last = published.downloads
    return f"{', '.join(most)} and {last}" if most else last


def cache_folder() -> Path:
    """The user's own folder for downloads, as the platform has it; each data set has its folder in it."""
    from platformdirs import user_cache_path

    return user_cache_path("minitorch_cv")


@functools.cache
def download_failure(published: Published, folder: Path) -> str:
    """Why the download into `folder` failed, or nothing; tried once per process, so that an offline one waits once."""
    try:
        download(published, folder)
    except (DataError, OSError) as error:
        return str(error)
    return ""


@functools.cache
def announce_subset(reason: str) -> None:
    """Say on stderr, once, that the built-in subset serves."""
    if get_rank() > 0:
        return
    say(
        f"Fashion-MNIST was not found ({reason}): using the built-in subset of 6,000 training and 1,000 test images. "
        f"For all 70,000, install the Debian package dataset-fashion-mnist or set {VARIABLE} to their folder."
    )


def embedded_source(published: Published, train: bool) -> Source:
    """The subset of the data set that is shipped inside the package."""
    folder = Path(__file__).parent / "embedded"
    count, split = published.embedded[split_files(train)[0]].shape[0], "training" if train else "test"
    paths = {name: folder / f"{name}.xz" for name in published.embedded}
    return Source(f"embedded subset ({count:,} {split} images)", published, paths, published.embedded)
