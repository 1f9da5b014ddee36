"""What determines the result of a training run: from a network's recipe, the options given, or a checkpoint."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta")
SCHEDULES = ("none", "step", "multistep", "exponential", "inverse-time", "cosine", "one-cycle", "plateau")
AUGMENTATIONS = ("flip", "vertical-flip", "crop", "resized-crop", "jitter", "erase", "noise")
FIXED_LENGTH = ("cosine", "one-cycle")  # schedules that are laid out over all epochs

# Options that say more about a schedule: which schedules read them, and what holds where nothing is given.
SCHEDULE_OPTIONS: dict[str, dict[str, float]] = {
    "gamma": {"step": 0.1, "multistep": 0.1, "exponential": 0.9, "inverse-time": 0.1, "plateau": 0.1},
    "every": {"step": 3, "plateau": 2},
    "warmup": {"cosine": 0},
}


class SettingsError(ValueError):
    """The options of a run make no sense, or do not fit together."""


@dataclass(frozen=True)
class Settings:
    """What determines the result of a run, in plain values; None and 0 leave out what they stand for."""

    model: str
    options: dict[str, Any]
    dataset: str
    classes: list[str]
    per_class: int | None
    resize: int
    augment: list[str]
    mixup: float
    cutmix: float
    label_smoothing: float
    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    momentum: float
    weight_decay: float
    schedule: str
    gamma: float | None
    every: int | None
    milestones: list[int]
    warmup: int | None
    clip_norm: float
    ema: float
    patience: int
    seed: int
    limit: int | None
    device: str


NOTHING: dict[str, Any] = {
    "dataset": "fashion-mnist",
    "classes": [],
    "per_class": None,
    "augment": [],
    "mixup": 0.0,
    "cutmix": 0.0,
    "label_smoothing": 0.0,
    "milestones": [],
    "clip_norm": 0.0,
    "ema": 0.0,
    "patience": 0,
    "seed": 0,
    "limit": None,
    "device": "cpu",
}


def new_settings(model: str, given: Mapping[str, Any]) -> Settings:
    """The network's recipe, with what was given in its place. SettingsError where that makes no sense.

    Another optimizer than the recipe's takes over no momentum from it.
    """
    from ..models import find
    from ..models.recipes import find_recipe

    find(model)
    recipe = find_recipe(model, given.get("options"))
    names = [field.name for field in fields(Settings)]
    own = {name: value for name, value in vars(recipe).items() if name in names}
    if given.get("optimizer", recipe.optimizer) != recipe.optimizer:
        own["momentum"] = 0.0
    values = {**NOTHING, **own, **given}
    values["options"] = {**recipe.options, **given.get("options", {})}
    values.update(schedule_options(values))
    settings = Settings(model=model, **values)
    check(settings)
    return settings


def schedule_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the schedule reads, with its defaults; SettingsError for an option that it does not read."""
    schedule = chosen("schedule", values["schedule"], SCHEDULES)
    out: dict[str, Any] = {}
    for option, defaults in SCHEDULE_OPTIONS.items():
        if schedule not in defaults and values.get(option) is not None:
            raise SettingsError(f"--{option} is for --schedule {' or '.join(defaults)}, not for {schedule}")
        given = values.get(option)
        out[option] = defaults.get(schedule) if given is None else given
    if values["milestones"] and schedule != "multistep":
        raise SettingsError(f"--milestones is for --schedule multistep, not for {schedule}")
    if schedule == "multistep":
        out["milestones"] = values["milestones"] or [values["epochs"] // 2, values["epochs"] * 3 // 4]
    return out


def resumed_settings(model: str, given: Mapping[str, Any], saved: Mapping[str, Any]) -> Settings:
    """The settings of a checkpoint; SettingsError where what was given differs from them.

    More epochs may be given, unless the schedule is laid out over all of them.
    """
    names = {field.name for field in fields(Settings)}
    if saved.keys() != names:
        raise SettingsError(f"it is of another version: it differs in {', '.join(sorted(saved.keys() ^ names))}")
    if saved["model"] != model:
        raise SettingsError(f"it is a checkpoint of {saved['model']}, not of {model}; name that network")
    flat = {**saved, **{f"option {name}": value for name, value in saved["options"].items()}}
    asked = {name: value for name, value in given.items() if name != "options"}
    asked.update({f"option {name}": value for name, value in given.get("options", {}).items()})
    may_differ = set() if saved["schedule"] in FIXED_LENGTH else {"epochs"}
    differing = [
        f"--{option_name(name)} is {flat.get(name)} there but {value} here"
        for name, value in asked.items()
        if flat.get(name) != value and name not in may_differ
    ]
    if differing:
        raise SettingsError(f"it was saved with other settings: {'; '.join(differing)}; leave them out to go on")
    settings = Settings(**{**saved, "epochs": given.get("epochs", saved["epochs"])})
    check(settings)
    return settings


def option_name(name: str) -> str:
    """How the command line calls a setting; the options of networks keep their names."""
    return name if name.startswith("option ") else name.replace("_", "-")


def check(settings: Settings) -> None:
    """SettingsError where a setting makes no sense."""
    values = asdict(settings)
    for name in ("epochs", "batch_size", "limit", "per_class", "resize", "every"):
        if values[name] is not None and values[name] < 1:
            raise SettingsError(f"--{name.replace('_', '-')} {values[name]}: must be at least 1")
    if not (settings.lr > 0 and math.isfinite(settings.lr)):
        raise SettingsError(f"--lr {settings.lr:g}: must be a positive number, for instance 0.1")
    for name in ("momentum", "weight_decay", "mixup", "cutmix", "clip_norm", "patience", "warmup"):
        if values[name] is not None and not 0 <= values[name] < math.inf:
            raise SettingsError(f"--{name.replace('_', '-')} {values[name]:g}: must be 0 or more")
    for name in ("label_smoothing", "ema", "momentum"):
        if not 0 <= values[name] < 1:
            raise SettingsError(f"--{name.replace('_', '-')} {values[name]:g}: must be from 0 to below 1")
    if settings.gamma is not None and not 0 < settings.gamma < 1:
        raise SettingsError(f"--gamma {settings.gamma:g}: must be between 0 and 1")
    if settings.warmup is not None and settings.warmup >= settings.epochs:
        raise SettingsError(f"--warmup {settings.warmup}: must be less than the {settings.epochs} epochs")
    chosen("optimizer", settings.optimizer, OPTIMIZERS)
    for name in settings.augment:
        chosen("augment", name, AUGMENTATIONS)
    if settings.momentum and settings.optimizer not in ("sgd", "rmsprop"):
        raise SettingsError(f"--momentum is for --optimizer sgd or rmsprop, not for {settings.optimizer}")
    if settings.mixup and settings.cutmix:
        raise SettingsError("--mixup and --cutmix exclude each other; give one of them")


def chosen(option: str, value: str, choices: Sequence[str]) -> str:
    """The value; SettingsError where it is not one of the choices."""
    if value not in choices:
        raise SettingsError(f"--{option} {value}: choose one of {', '.join(choices)}")
    return value


def parse_numbers(text: str) -> list[int]:
    """ "4,8" -> [4, 8]; SettingsError for what are no rising whole numbers."""
    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if re.fullmatch(r"\d+", part)]
    if len(numbers) != len(parts) or sorted(set(numbers)) != numbers:
        raise SettingsError(f"--milestones {text}: must be rising numbers of epochs, for instance 5,8")
    return numbers


def network_options(settings: Settings, in_channels: int, num_classes: int) -> dict[str, Any]:
    """The options of the network, and as far as it asks for them the channels, classes and size of the images.

    SettingsError for fewer classes than the data have.
    """
    from ..train.trained import image_options

    asked = settings.options.get("num_classes", num_classes)
    if isinstance(asked, int) and asked < num_classes:
        raise SettingsError(f"--option num_classes={asked}: the data have {num_classes} classes; leave the option out")
    return image_options(settings.model, settings.options, in_channels, num_classes, settings.resize)
