"""Settings in words, for the header of a run."""

from __future__ import annotations

from typing import Any

from .settings import Settings

EXTRAS = (
    "momentum",
    "weight_decay",
    "augment",
    "mixup",
    "cutmix",
    "label_smoothing",
    "clip_norm",
    "ema",
    "patience",
)
SCHEDULE_EXTRAS = ("gamma", "every", "milestones", "warmup")


def network_text(settings: Settings) -> str:
    """`lenet with activation relu`."""
    options = ", ".join(f"{name} {value}" for name, value in settings.options.items())
    return f"{settings.model} with {options}" if options else settings.model


def main_settings(settings: Settings) -> str:
    """`10 epochs, batch 256, sgd with learning rate 0.9, seed 0, cpu`."""
    return (
        f"{count_of(settings.epochs, 'epoch')}, batch {settings.batch_size}, {settings.optimizer} with learning rate "
        f"{settings.lr:g}, seed {settings.seed}, {settings.device}"
    )


def extra_settings(settings: Settings) -> str:
    """Everything beyond plain training that the settings ask for; empty where that is nothing."""
    values = {name: getattr(settings, name) for name in EXTRAS}
    texts = [f"{name.replace('_', ' ')} {text_of(value)}" for name, value in values.items() if value]
    if settings.schedule != "none":
        options = [f"{name} {text_of(getattr(settings, name))}" for name in SCHEDULE_EXTRAS if getattr(settings, name)]
        texts.insert(0, " ".join([f"schedule {settings.schedule}", *options]))
    return ", ".join(texts)


def text_of(value: Any) -> str:
    """A number, or the entries of a list."""
    return " and ".join(map(str, value)) if isinstance(value, list) else f"{value:g}"


def count_of(number: int, thing: str) -> str:
    """`1 epoch`, `2 epochs`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
