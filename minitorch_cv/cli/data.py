"""`minitorch-cv data`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import fail

if TYPE_CHECKING:
    from ..data.array_images import ArrayImages
    from ..data.published import Published
    from ..data.sources import Source

FASHION_MNIST = "fashion-mnist"


def command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="fashion-mnist, mnist, cifar-10 or cifar-100.", show_default=False),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option("--data", metavar="FOLDER", help="Look only in this folder; an empty one is filled."),
    ] = None,
    may_download: Annotated[
        bool, typer.Option("--download/--no-download", help="Fetch the data set where it is not found (31 to 170 MB).")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show where a data set is found, fetch it if it is nowhere, and verify the hash of every file.

    Without a name, this is done for Fashion-MNIST, and the copies of the other data sets are listed.

    Looked for in this order: --data, the folder in $MINITORCH_CV_DATA, the system copy (Fashion-MNIST: of the Debian
    package dataset-fashion-mnist), the user's cache, the network, the subset of Fashion-MNIST built into this package.
    """
    from ..data import CIFAR10, CIFAR100, MNIST, FashionMNIST
    from ..data.idx import DataError
    from ..data.sources import find_source

    classes = {cls.published.folder: cls for cls in (FashionMNIST, MNIST, CIFAR10, CIFAR100)}
    if name is not None and name not in classes:
        fail(f"unknown data set {name!r}; choose one of: {', '.join(classes)}")
    chosen = classes[name or FASHION_MNIST]
    published = chosen.published
    files = []
    try:
        for train in (True, False):
            source = find_source(published, folder, train, may_download)
            files += verified(chosen, source, train)
    except DataError as error:
        fail(error)
    others = [] if name else [cls.published for cls in classes.values() if cls is not chosen]
    if as_json:
        counts = {f"{split}_images": count_of(files, f"{text} images") for split, text in SPLITS.items()}
        copies = {other.folder: copies_of(other, folder) for other in others}
        print(json.dumps({"source": source.text, **counts, "files": files} | ({"others": copies} if others else {})))
        return
    for other in others:
        print(describe_copies(other, copies_of(other, folder)))
    show(published, files)


SPLITS = {"train": "training", "test": "test"}


def verified(cls: type[ArrayImages], source: Source, train: bool) -> list[dict[str, Any]]:
    """The files of one split, read and found right: what is in it, where it is, entries, size on disk, hash."""
    split = SPLITS["train" if train else "test"]
    described = []
    for file, kind, array in zip(source.published.split_files(train), ("images", "labels"), cls.read(source, train)):
        algorithm, _, digest = source.contents[file].digest.partition(":")
        path = source.paths[file]
        size = path.stat().st_size
        described.append(
            {"path": str(path), "holds": f"{split} {kind}", "count": len(array), "bytes": size, algorithm: digest}
        )
    return described


def count_of(files: list[dict[str, Any]], holds: str) -> int:
    """How many entries the file has that holds this."""
    return next(file["count"] for file in files if file["holds"] == holds)


def copies_of(published: Published, folder: str | None) -> list[str]:
    """The folders that hold all files of a data set, among those that would be looked in; the files are not read."""
    from ..data.sources import complete_source, places

    return [str(place) for place in places(published, folder) if complete_source(published, place)]


def describe_copies(published: Published, copies: list[str]) -> str:
    """One line on a data set that was not verified."""
    action = f"minitorch-cv data {published.folder}"
    if copies:
        return f"{published.name}: found in {', '.join(copies)}; `{action}` verifies it"
    return f"{published.name}: not found; `{action}` fetches it ({published.size} MB)"


def show(published: Published, files: list[dict[str, Any]]) -> None:
    """The files, one a line, and how many images there are."""
    from .tables import print_table

    print_table(
        [
            [
                f"{file['count']:,}",
                file["holds"],
                f"{file['bytes']:,} bytes",
                "SHA-256 verified" if "sha256" in file else "MD5 verified",
                file["path"],
            ]
            for file in files
        ],
        numbers=(0, 2),
    )
    train, test = (count_of(files, f"{text} images") for text in SPLITS.values())
    right = "all four files right" if len(files) == 4 else "the archive right"
    print(f"{published.name}: {train:,} training and {test:,} test images, {right}")
