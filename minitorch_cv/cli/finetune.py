"""`minitorch-cv finetune`: a trained network learns other classes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .datasets import PUBLISHED
from .errors import fail
from .ranks import let_other_ranks_go_on, on_all_ranks, wait_for_rank_zero
from .settings import Settings, SettingsError, new_settings
from .train import make_folder, read_data

if TYPE_CHECKING:
    from ..train.trained import Trained
    from .datasets import DataSets

NOT_SETTINGS = ("run", "data", "head_factor", "freeze", "out", "as_json")
FROM_THE_RUN = ("optimizer", "momentum")  # what is taken from the training that went before, if it is known


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """What determines the result of fine-tuning; lr is the learning rate of the body.

    pretrained: where the trained network came from; body_classes: for how many classes it was built.
    """

    pretrained: str
    body_classes: int
    head_factor: float
    freeze: bool


@on_all_ranks
def command(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder of a finished run, or its weights.safetensors.", show_default=False),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Images in folders: FOLDER/CLASS/*.png, a fifth of which is kept for testing, or "
            "FOLDER/train/CLASS/*.png and FOLDER/test/CLASS/*.png. With --dataset: the folder of its files.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"A published data set in place of folders: {', '.join(PUBLISHED)}."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Only these classes; all if not given.")
    ] = None,
    per_class: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N training images of each class; all if not given.")
    ] = None,
    epochs: Annotated[int, typer.Option(metavar="N", help="Passes through the training images.")] = 10,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Images in a batch.")] = 20,
    lr: Annotated[
        float | None,
        typer.Option(
            metavar="RATE", help="Learning rate of the body; if not given, the run's own, divided by --head-factor."
        ),
    ] = None,
    head_factor: Annotated[
        float, typer.Option(metavar="X", help="How many times larger the learning rate of the new head is.")
    ] = 10.0,
    freeze: Annotated[bool, typer.Option("--freeze", help="Train the new head alone.")] = False,
    weight_decay: Annotated[float, typer.Option(metavar="X", help="Pull of the weights towards 0.")] = 1e-3,
    augment: Annotated[str | None, typer.Option(metavar="NAMES", help="Random changes of the training images.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Start of the random numbers.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder for what the run leaves. If not given: runs/MODEL-finetuned-DATE-TIME."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object on stdout, all else on stderr.")
    ] = False,
) -> None:
    """Give a trained network a new head, and train it on other classes.

    The body goes on from what it has learned, slowly, while the head learns from scratch with a larger learning rate.
    The folder gets the same files as that of `train`; `predict` takes it.

    Exit status: as that of `train`.
    """
    from ..train.finetuning import head_and_body
    from .run import run_of_this_rank

    wait_for_rank_zero()
    if data is None and dataset is None:
        fail("no images: name a folder with --data, or a data set with --dataset fashion-mnist")
    trained = load(run)
    settings = choose_settings(trained, str(run), given_settings(context.params), head_factor, freeze)
    sets = read_images(settings, None if dataset is None else data, trained.channels)
    network = prepare(trained, settings, len(sets.classes))
    refuse_same_folder(run, out)
    started = run_of_this_rank()(
        settings,
        network,
        sets,
        make_folder(out, f"{trained.model}-finetuned", None),
        given=[],
        source=description(trained, settings),
        groups=head_and_body(network, settings.lr, head_factor),
        as_json=as_json,
    )
    let_other_ranks_go_on()
    raise typer.Exit(started.carry_out())


def load(run: Path) -> Trained:
    """The trained network; status 2 where there is none."""
    from ..train.trained import TrainedError, load_trained

    try:
        return load_trained(run)
    except TrainedError as error:
        fail(error)


def given_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the command line that every run has too, as Settings has them.

    --data without --dataset is a folder of images, which in the settings is the data set; never a published one's name.
    """
    given = {name: value for name, value in parameters.items() if value is not None and name not in NOT_SETTINGS}
    for name in ("augment", "classes"):
        if name in given:
            given[name] = [part.strip() for part in given[name].split(",")]
    folder = parameters["data"]
    return {"dataset": folder and os.path.join(os.curdir, folder), **given}


def choose_settings(
    trained: Trained, run: str, given: Mapping[str, Any], head_factor: float, freeze: bool
) -> FinetuneSettings:
    """What was given, else what the network was trained with; status 2 where it makes no sense."""
    from ..train.finetuning import count_outputs, find_head

    if not 0 < head_factor < float("inf"):
        fail(f"--head-factor {head_factor:g}: must be a positive number, for instance 10")
    metadata = trained.metadata
    kept = {name: metadata[name] for name in FROM_THE_RUN if name in metadata}
    if "lr" in metadata:
        kept["lr"] = metadata["lr"] * metadata.get("head_factor", 1.0) / head_factor
    options = {name: value for name, value in trained.options.items() if name != "num_classes"}
    kept |= {"options": options, "resize": trained.image_size, "schedule": "none"}
    try:
        settings = new_settings(trained.model, {**kept, **given})
    except SettingsError as error:
        fail(error)
    body_classes = metadata.get("body_classes", count_outputs(find_head(trained.network)[1]))
    return FinetuneSettings(
        **asdict(settings), pretrained=run, body_classes=body_classes, head_factor=head_factor, freeze=freeze
    )


def read_images(settings: Settings, folder: str | None, channels: int) -> DataSets:
    """The images to train and test on; status 2 where they are not there, or are not such as the network takes."""
    sets = read_data(settings, folder, channels)
    if sets.channels != channels:
        fail(f"--dataset {settings.dataset}: has {sets.channels} channels, but the network was trained on {channels}")
    return sets


def prepare(trained: Trained, settings: FinetuneSettings, num_classes: int) -> Any:
    """The trained network with a new head, whose weights the seed gives, and its body frozen where that was asked."""
    from ..random import manual_seed
    from ..train.finetuning import freeze_body, replace_head

    manual_seed(settings.seed)
    replace_head(trained.network, num_classes)
    if settings.freeze:
        freeze_body(trained.network)
    return trained.network


def refuse_same_folder(run: Path, out: Path | None) -> None:
    """Status 2 where the trained network would be overwritten."""
    source = run.expanduser().resolve()
    folder = source if source.is_dir() else source.parent
    if out is not None and out.expanduser().resolve() == folder:
        fail(f"--out {out}: holds the trained network, which would be lost; choose another folder")


def description(trained: Trained, settings: FinetuneSettings) -> str:
    """What is fine-tuned, and how."""
    factor = f"{settings.head_factor:g} times the learning rate"
    how = "only its new head learns, with" if settings.freeze else "its new head learns with"
    return f"{settings.pretrained} ({', '.join(trained.classes)}); {how} {factor}"
