"""`minitorch-cv train`: from the options to a training run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..models import BOOK
from .errors import fail
from .options import parsed
from .ranks import device_of_rank, let_other_ranks_go_on, moved_to_rank, on_all_ranks, wait_for_rank_zero
from .settings import (
    AUGMENTATIONS,
    OPTIMIZERS,
    SCHEDULES,
    Settings,
    SettingsError,
    network_options,
    new_settings,
    parse_numbers,
    resumed_settings,
)

if TYPE_CHECKING:
    from .datasets import DataSets

RECIPE = "Training (default: the network's recipe)"
SCHEDULE = "Learning-rate schedule"
REGULAR = "Against overfitting"
DATA = "Data"
KEEPING = "Keeping and resuming"
NOT_SETTINGS = (
    "model",
    "activation",
    "option",
    "data",
    "out",
    "resume",
    "checkpoint_every",
    "tensorboard",
    "compiled",
    "as_json",
)


@on_all_ranks
def command(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help=f"The network: {', '.join(BOOK)}; or torchvision.NAME.", show_default=False
        ),
    ],
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Passes through the training images.", rich_help_panel=RECIPE)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Images in a batch.", rich_help_panel=RECIPE)
    ] = None,
    lr: Annotated[float | None, typer.Option(metavar="RATE", help="Learning rate.", rich_help_panel=RECIPE)] = None,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{', '.join(OPTIMIZERS)}.", rich_help_panel=RECIPE)
    ] = None,
    momentum: Annotated[
        float | None, typer.Option(metavar="X", help="Share of the last step that is kept.", rich_help_panel=RECIPE)
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(metavar="X", help="Pull of the weights towards 0.", rich_help_panel=RECIPE)
    ] = None,
    resize: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side to which the images are brought.", rich_help_panel=RECIPE)
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="An option of the network, such as ratio=4 or dropout=0.3; may be repeated.",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of lenet: sigmoid, relu or tanh; short for --option.", rich_help_panel=RECIPE
        ),
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{', '.join(SCHEDULES)}.", rich_help_panel=SCHEDULE)
    ] = None,
    gamma: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Factor of step, multistep and plateau (0.1) and exponential (0.9); decay of inverse-time (0.1).",
            rich_help_panel=SCHEDULE,
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Epochs from step to step (3), or that plateau waits (2).", rich_help_panel=SCHEDULE
        ),
    ] = None,
    milestones: Annotated[
        str | None,
        typer.Option(
            metavar="N,N",
            help="Epochs after which multistep lowers the rate; if not given, half and three quarters of them.",
            rich_help_panel=SCHEDULE,
        ),
    ] = None,
    warmup: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs in which cosine rises first (0).", rich_help_panel=SCHEDULE)
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"Random changes of the training images: {', '.join(AUGMENTATIONS)}, with commas.",
            rich_help_panel=REGULAR,
        ),
    ] = None,
    mixup: Annotated[
        float | None,
        typer.Option(metavar="ALPHA", help="Blend images in pairs, for instance 0.2.", rich_help_panel=REGULAR),
    ] = None,
    cutmix: Annotated[
        float | None,
        typer.Option(metavar="ALPHA", help="Swap boxes between images, such as 1.0.", rich_help_panel=REGULAR),
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(metavar="X", help="Probability left to the other classes.", rich_help_panel=REGULAR)
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(metavar="X", help="Largest norm of all gradients together.", rich_help_panel=REGULAR)
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(
            metavar="DECAY",
            help="Test and keep a moving average of the weights, such as 0.99.",
            rich_help_panel=REGULAR,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="Stop after N epochs without a better test accuracy.", rich_help_panel=REGULAR),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="fashion-mnist (default), mnist, cifar-10, cifar-100, or a folder of images: "
            "FOLDER/train/CLASS/ and FOLDER/test/CLASS/ with image files.",
            rich_help_panel=DATA,
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", help="Only these classes; all if not given.", rich_help_panel=DATA),
    ] = None,
    per_class: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Only the first N training images of each class; all if not given.", rich_help_panel=DATA
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the data set's files; searched for if not given.", rich_help_panel=DATA
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Use only the first N training and the first N test images; all if not given.",
            rich_help_panel=DATA,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Start of the random numbers (0); the same seed gives the same weights."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where to compute: cpu (default), cuda, cuda:1, or cuda-sim, which runs CUDA kernels without a GPU.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for what the run leaves; once the first batch is done, it replaces an earlier run there. "
            "If not given: runs/MODEL-DATE-TIME.",
            rich_help_panel=KEEPING,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Go on from a checkpoint, or from the newest in a run's folder, with its settings.",
            rich_help_panel=KEEPING,
        ),
    ] = None,
    checkpoint_every: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Save a checkpoint after every N batches too, not only after epochs.",
            rich_help_panel=KEEPING,
        ),
    ] = 0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves for TensorBoard.", rich_help_panel=KEEPING)
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Record a training step and replay it: the same numbers in less time.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object on stdout, all else on stderr.")
    ] = False,
) -> None:
    """Train a network. What is not given is taken from its recipe: the book's settings, where the book has some.

    The run's folder gets metrics.jsonl (a line per epoch), curves.png, predictions.png, weights.safetensors,
    config.json and the last two checkpoints, one after each epoch. Ctrl-C stops after the batch under way and saves, as
    the signals TERM and HUP do; --resume goes on from there, to the same weights as without the stop.

    `mpiexec -n 2 minitorch-cv train ...` trains on two ranks: each has a GPU (--device cuda) or a part of the cores,
    and takes half of every batch.

    Exit status: 0 trained to the end, 1 the loss became NaN or infinite or the disk is full, 2 wrong options or data,
    130 Ctrl-C, 143 SIGTERM, 129 SIGHUP.
    """
    from .few_images import adapted, warning

    wait_for_rank_zero()
    given = given_settings(context.params)
    saved = None if resume is None else saved_metadata(resume)
    settings = choose_settings(model, given, saved, resume)
    sets = read_data(settings, data)
    notes = {}
    if saved is not None:
        check_counts(settings, sets, saved, resume)
    else:
        settings, notes["changed"] = adapted(settings, sets, given)
        notes["note"] = warning(settings, min(len(sets.train), settings.limit or len(sets.train)))
    network = build(settings, sets)
    checkpoint = None if resume is None else find_checkpoint(resume)
    folder = make_folder(out, model, checkpoint)

    from ..train import CheckpointError
    from .run import run_of_this_rank

    try:
        run = run_of_this_rank()(
            settings,
            network,
            sets,
            folder,
            given=sorted(given),
            notes=notes,
            resume=checkpoint,
            checkpoint_every=checkpoint_every,
            tensorboard=tensorboard,
            compiled=compiled,
            as_json=as_json,
        )
    except BaseException as error:
        if folder is not None:
            folder.close()
        if isinstance(error, (CheckpointError, ImportError)):
            fail(error)
        raise
    let_other_ranks_go_on()
    raise typer.Exit(run.carry_out())


def given_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those options of the command line that are settings and were given, as Settings has them."""
    given = {name: value for name, value in parameters.items() if value is not None and name not in NOT_SETTINGS}
    try:
        options = {name: as_saved(value) for name, value in parsed(parameters["option"] or []).items()}
        if parameters["activation"] is not None:
            options["activation"] = parameters["activation"]
        if options:
            given["options"] = options
        if "milestones" in given:
            given["milestones"] = parse_numbers(given["milestones"])
    except ValueError as error:
        fail(error)
    for name in ("augment", "classes"):
        if name in given:
            given[name] = [part.strip() for part in given[name].split(",")]
    return given


def as_saved(value: Any) -> Any:
    """A tuple as a list, as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def find_checkpoint(resume: Path) -> Path:
    """The checkpoint that --resume names, itself or by its folder."""
    from ..train import CheckpointError, run_folder

    try:
        return run_folder.find_checkpoint(resume.expanduser())
    except CheckpointError as error:
        fail(f"--resume {error}")


def saved_metadata(resume: Path) -> dict[str, Any]:
    """What the checkpoint says of its run; status 2 where it is not whole or not of a run of this command."""
    from ..train import CheckpointError, read_metadata

    path = find_checkpoint(resume)
    try:
        saved = read_metadata(path)
    except CheckpointError as error:
        fail(f"--resume {error}{other_checkpoints(path)}")
    if not isinstance(saved, dict) or not isinstance(saved.get("settings"), dict):
        fail(f"--resume {path}: it was not saved by `minitorch-cv train`; load it with Checkpoint.load")
    return saved


def other_checkpoints(path: Path) -> str:
    """A hint at the checkpoints beside a damaged one."""
    from ..train.run_folder import CHECKPOINTS

    others = sorted(other.name for other in path.parent.glob(CHECKPOINTS) if other != path)
    return f" (beside it lies {', '.join(others)})" if others else ""


def choose_settings(
    model: str, given: Mapping[str, Any], saved: Mapping[str, Any] | None, resume: Path | None
) -> Settings:
    """Those of the checkpoint, else of the network's recipe and what was given; status 2 where they make no sense."""
    from ..device import usable

    try:
        settings = new_settings(model, given) if saved is None else resumed_settings(model, given, saved["settings"])
        usable(device_of_rank(settings.device))
    except SettingsError as error:
        fail(error if resume is None else f"--resume {resume}: {error}")
    except (RuntimeError, ValueError) as error:  # an unknown network or device
        fail(error)
    return settings


def read_data(settings: Settings, folder: str | None, channels: int = 3) -> DataSets:
    """The training and the test images; status 2 where the folder does not hold them."""
    from ..data import DataError
    from .datasets import data_sets

    try:
        return data_sets(settings, folder, channels)
    except (DataError, SettingsError) as error:
        fail(error)


def check_counts(settings: Settings, sets: DataSets, saved: Mapping[str, Any], resume: Path | None) -> None:
    """Status 2 where the images are not as many as the checkpoint's run had."""
    for name, dataset in (("train_images", sets.train), ("test_images", sets.test)):
        count = min(len(dataset), settings.limit or len(dataset))
        if saved[name] != count:
            fail(
                f"--resume {resume}: it was trained on other data: {saved[name]} {name.replace('_', ' ')} there but "
                f"{count} here ({sets.source}); name its folder with --data"
            )


def build(settings: Settings, sets: DataSets) -> Any:
    """The network with the weights that the seed gives it, on the device of the settings."""
    from .. import models
    from ..random import manual_seed

    manual_seed(settings.seed)
    try:
        network = models.build(settings.model, network_options(settings, sets.channels, len(sets.classes)))
    except (TypeError, ValueError) as error:
        fail(error)
    return moved_to_rank(network, settings.device)


def make_folder(out: Path | None, model: str, checkpoint: Path | None) -> Any:
    """The run's folder, by default that of the checkpoint it goes on from; status 2 where it cannot be written.

    None on rank 1, 2, ..., which keep nothing.
    """
    from ..distributed import get_rank
    from ..train.folder_lock import FolderInUseError
    from ..train.run_folder import RunFolder, new_folder

    if get_rank() > 0:
        return None
    path = Path("runs") if out is None else out.expanduser()
    try:
        if out is None:
            path = new_folder(path, model) if checkpoint is None else checkpoint.parent
        return RunFolder(path, checkpoint)
    except FolderInUseError as error:
        fail(f"{error} with --out")
    except OSError as error:
        fail(f"cannot write to the folder {path} ({error.strerror}); choose another one with --out")
