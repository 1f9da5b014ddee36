"""`minitorch-cv train`: from the options to a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import fail

if TYPE_CHECKING:
    from ..data import FashionMNIST
    from ..train import RunFolder


@dataclass(frozen=True)
class Settings:
    """What determines the result of a run."""

    model: str
    activation: str
    epochs: int
    batch_size: int
    lr: float
    seed: int
    limit: int | None
    device: str


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The network to train: lenet.", show_default=False)],
    epochs: Annotated[int, typer.Option(metavar="N", help="Passes through the training images.")] = 10,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Images in a batch.")] = 256,
    lr: Annotated[float, typer.Option(metavar="RATE", help="Learning rate of plain SGD.")] = 0.9,
    activation: Annotated[
        str, typer.Option(metavar="NAME", help="Nonlinearity between the layers: sigmoid, relu or tanh.")
    ] = "sigmoid",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Start of the random numbers; the same seed gives the same weights.")
    ] = 0,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder of Fashion-MNIST's IDX files; searched for if not given."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Use only the first N training and the first N test images; all if not given."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="Where to compute: cpu.")] = "cpu",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for what the run leaves; files of an earlier run in it are replaced. "
            "If not given: runs/MODEL-DATE-TIME.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object on stdout, all else on stderr.")
    ] = False,
) -> None:
    """Train a network on Fashion-MNIST. The defaults are the book's settings for LeNet.

    The run's folder gets metrics.jsonl (a line per epoch), curves.png, predictions.png, weights.safetensors and
    config.json. Ctrl-C stops and keeps what was reached.

    Exit status: 0 trained to the end, 1 the loss became NaN or infinite, 2 wrong options or data, 130 Ctrl-C.
    """
    settings = Settings(model, activation, epochs, batch_size, lr, seed, limit, device)
    check(settings)
    network = build(settings)
    train_set, test_set = read_data(data)
    folder = make_folder(out, model)

    from .run import Run

    run = Run(settings, network, train_set, test_set, folder, as_json)
    raise typer.Exit(run.carry_out())


def check(settings: Settings) -> None:
    """End with status 2 where a setting makes no sense."""
    for name in ("epochs", "batch_size", "limit"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            fail(f"--{name.replace('_', '-')} {value}: must be at least 1")
    if not (settings.lr > 0 and math.isfinite(settings.lr)):
        fail(f"--lr {settings.lr:g}: must be a positive number, for instance 0.1")

    from ..device import require_cpu

    try:
        require_cpu(settings.device)
    except (RuntimeError, ValueError) as error:
        fail(error)


def build(settings: Settings) -> Any:
    """The network with the weights that the seed gives it."""
    from .. import models
    from ..random import manual_seed

    manual_seed(settings.seed)
    try:
        return models.build(settings.model, {"activation": settings.activation})
    except ValueError as error:
        fail(error)


def read_data(folder: str | None) -> tuple[FashionMNIST, FashionMNIST]:
    """The training and the test images; status 2 where the folder does not hold them."""
    from ..data import DataError, FashionMNIST

    try:
        search = folder is None  # a folder that was named is read or refused, never downloaded into
        return FashionMNIST(folder, train=True, download=search), FashionMNIST(folder, train=False, download=search)
    except DataError as error:
        fail(error)


def make_folder(out: Path | None, model: str) -> RunFolder:
    """The run's folder; status 2 where it cannot be written."""
    from ..train.run_folder import RunFolder, unused_folder

    path = unused_folder(Path("runs"), model) if out is None else out.expanduser()
    try:
        return RunFolder(path)
    except OSError as error:
        fail(f"cannot write to the folder {path} ({error.strerror}); choose another one with --out")
