"""`minitorch-cv predict`: what a trained network sees in image files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from .errors import fail, say_error

if TYPE_CHECKING:
    from ..train.trained import Trained

BATCH = 64  # images that are in memory at the same time


def command(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder of a finished run, or its weights.safetensors.", show_default=False),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.", show_default=False)],
    top: Annotated[int, typer.Option(metavar="K", help="How many of the likeliest classes to show.")] = 3,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help="Make dark light and light dark, for networks trained on light things before black."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show the likeliest classes of image files, with their probabilities.

    Images are turned upright, made grey or coloured, and brought to the size, as the network's training images were. A
    file that cannot be read is named on stderr; the others are shown all the same.

    Exit status: 0 all shown, 1 some files cannot be read, 2 wrong options or no trained network.
    """
    from ..data import DataError
    from ..train.diagnosis import first_not_finite
    from ..train.trained import TrainedError, load_trained
    from .datasets import mode_of
    from .settings import SettingsError

    if top < 1:
        fail(f"--top {top}: must be at least 1")
    try:
        trained = load_trained(run)
        mode = mode_of(trained.channels)
    except (TrainedError, SettingsError) as error:
        fail(error)
    for name, tensor in trained.network.state_dict().items():
        if place := first_not_finite(tensor):
            fail(f"{run}: the network is of no use, as {name} holds {place}; train it anew with a smaller --lr")
    pixels: dict[Path, np.ndarray] = {}
    problems: dict[Path, str] = {}
    for path in images:
        try:
            pixels[path] = read_image(path, mode, trained.image_size, invert)
        except DataError as error:
            problems[path] = str(error)
            say_error(error)
    likeliest = dict(zip(pixels, predict(trained, list(pixels.values()), top)))
    if as_json:
        print(json.dumps({"model": trained.model, "images": [as_entry(path, likeliest, problems) for path in images]}))
    elif likeliest:
        show([(str(path), likeliest[path]) for path in images if path in likeliest])
    raise typer.Exit(1 if problems else 0)


def read_image(path: Path, mode: str, size: int, invert: bool) -> np.ndarray:
    """The image in a file as bytes (C, size, size); DataError where it cannot be read."""
    from PIL import ImageOps

    from ..data import DataError, Resize
    from ..data.image_file import load_image
    from ..data.image_folder import planes

    if not os.path.exists(path):
        raise DataError(f"{path}: no such file")
    image = load_image(str(path), mode)
    if invert:
        image = ImageOps.invert(image)
    return planes(Resize((size, size))(image))


def predict(trained: Trained, pixels: Sequence[np.ndarray], top: int) -> list[list[tuple[str, float]]]:
    """For each image its `top` likeliest classes with their probabilities, the likeliest first."""
    from ..data import ToTensor
    from ..graph import no_grad
    from ..nn.functional import softmax
    from ..tensor import Tensor

    out = []
    for start in range(0, len(pixels), BATCH):
        batch = Tensor(ToTensor().batch(np.stack(pixels[start : start + BATCH])))
        with no_grad():
            probabilities = softmax(trained.network(batch), dim=1).numpy()
        for row in probabilities:
            order = np.argsort(-row, kind="stable")[:top]
            out.append([(class_name(trained, int(label)), float(row[label])) for label in order])
    return out


def class_name(trained: Trained, label: int) -> str:
    """The name of a class; its number where the network was built for more classes than its images had."""
    return trained.classes[label] if label < len(trained.classes) else f"class {label}"


def as_entry(path: Path, likeliest: dict[Path, list[tuple[str, float]]], problems: dict[Path, str]) -> dict[str, Any]:
    """What --json says of one file."""
    if path in problems:
        return {"file": str(path), "error": problems[path]}
    classes = [{"class": name, "probability": round(share, 6)} for name, share in likeliest[path]]
    return {"file": str(path), "classes": classes}


def show(rows: Sequence[tuple[str, list[tuple[str, float]]]]) -> None:
    """A line for each file: its name and its likeliest classes."""
    from .tables import print_table

    cells = [[file, *(f"{name} {share:.1%}" for name, share in found)] for file, found in rows]
    print_table(cells, ["file", "likeliest", *(f"{rank}." for rank in range(2, len(cells[0])))])
