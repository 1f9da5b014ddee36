"""`minitorch-cv data`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import fail

if TYPE_CHECKING:
    from ..data.sources import Source


def command(
    folder: Annotated[
        str | None,
        typer.Option("--data", metavar="FOLDER", help="Look only in this folder; an empty one is filled."),
    ] = None,
    may_download: Annotated[
        bool, typer.Option("--download/--no-download", help="Fetch the data set (31 MB) where it is not found.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show where Fashion-MNIST is found, fetch it if it is nowhere, and verify every file's SHA-256.

    Looked for in this order: --data, the folder in $MINITORCH_CV_DATA, the system copy of the Debian package
    dataset-fashion-mnist, the user's cache, the network, the subset built into this package.
    """
    from ..data.idx import DataError
    from ..data.sources import find_source, split_files

    files = []
    try:
        for train in (True, False):
            source = find_source(folder, train, may_download)
            arrays = source.read(train)
            files += [describe(source, name, len(array)) for name, array in zip(split_files(train), arrays)]
    except DataError as error:
        fail(error)
    if as_json:
        counts = {"train_images": files[0]["count"], "test_images": files[2]["count"]}
        print(json.dumps({"source": source.text, **counts, "files": files}))
    else:
        show(files)


def describe(source: Source, name: str, count: int) -> dict[str, Any]:
    """One file, which has been read and found right: where it is, how many entries, its size on disk, its hash."""
    path = source.paths[name]
    return {"path": str(path), "count": count, "bytes": path.stat().st_size, "sha256": source.contents[name].sha256}


def show(files: list[dict[str, Any]]) -> None:
    """The files, one a line, and how many images there are."""
    for file, kind in zip(files, ("training images", "training labels", "test images", "test labels")):
        print(f"{file['count']:>7,} {kind:<15}  {file['bytes']:>11,} bytes  SHA-256 verified  {file['path']}")
    print(f"Fashion-MNIST: {files[0]['count']:,} training and {files[2]['count']:,} test images, all four files right")
