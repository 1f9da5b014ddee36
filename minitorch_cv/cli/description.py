"""What a run says of itself: in its header, its files and its result."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median
from typing import Any

from .. import doctor
from ..data import DataLoader
from ..train import Epoch, Progress
from .datasets import DataSets
from .settings import Settings
from .wording import extra_settings, main_settings, network_text


def configuration(
    settings: Settings, data: DataSets, network: Any, train_images: int, test_images: int
) -> dict[str, Any]:
    """The settings and the circumstances of a run, for config.json."""
    return {
        **asdict(settings),
        "data": data.source,
        "in_channels": data.channels,
        "classes": list(data.classes),
        "train_images": train_images,
        "test_images": test_images,
        "parameters": count_parameters(network),
        "machine": f"{doctor.cpu_model()}, {doctor.usable_cores()} cores, {doctor.threads()} threads",
        "versions": doctor.versions(),
    }


def batches_text(loader: DataLoader, settings: Settings) -> str:
    """Where batches of training images are made, and why not on the GPU; empty where there is none."""
    if settings.device == "cpu":
        return ""
    if loader.resident is not None:
        return f"made on {settings.device}, where all images lie as bytes"
    reason = "images are mixed there" if settings.mixup or settings.cutmix else loader.why_not_resident
    return f"made on the CPU and moved to {settings.device}: {reason}"


def header(config: dict[str, Any], settings: Settings, batches: str, source: str, folder: str) -> dict[str, str]:
    """What is about to be trained and where the settings come from, line by line."""
    counts = f"{config['train_images']:,} training and {config['test_images']:,} test images"
    facts = {
        "machine": config["machine"],
        "data": f"{counts} from {config['data']}, {settings.resize}x{settings.resize} pixels",
        "batches": batches,
        "model": f"{network_text(settings)}, {config['parameters']:,} parameters",
        "settings": main_settings(settings),
        "also": extra_settings(settings),
        "source": source,
        "folder": folder,
    }
    return {name: text for name, text in facts.items() if text}


def position(progress: Progress, epochs: int, batches: int) -> str:
    """How far training came, in words."""
    if is_between_epochs(progress):
        return f"after epoch {progress.epoch - 1} of {epochs}"
    if progress.batch == 0:
        return "before the first batch was done"
    step = progress.step(batches)
    return (
        f"in epoch {step.epoch} of {epochs}, after batch {step.batch} of {step.batches} "
        f"(in this epoch: loss {step.loss:.4f}, accuracy {step.accuracy:.3f})"
    )


def is_between_epochs(progress: Progress) -> bool:
    """True where the weights are those whose test accuracy was measured last."""
    return bool(progress.history) and progress.batch == 0


def result(settings: Settings, source: str, history: list[Epoch], seconds: float) -> dict[str, Any]:
    """What --json prints; None for what was not reached. The speed is the median epoch's: the first may compile."""
    last = history[-1] if history else None
    return {
        "model": settings.model,
        "data": source,
        "device": settings.device,
        "epochs": len(history),
        "train_loss": last and last.train_loss,
        "train_acc": last and last.train_acc,
        "test_acc": last and last.test_acc,
        "images_per_second": last and round(median(epoch.images_per_second for epoch in history), 1),
        "seconds": round(seconds, 3),
    }


def count_parameters(network: Any) -> int:
    """The number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters())
