"""Trained networks, back from the files that `minitorch-cv train` leaves."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import models
from ..nn import Module
from .finetuning import replace_head
from .run_folder import WEIGHTS
from .weights import METADATA, load_weights

NEEDED = ("model", "options", "in_channels", "classes", "resize")


class TrainedError(RuntimeError):
    """A trained network cannot be loaded; the message names the file and says what is wrong."""


@dataclass(frozen=True)
class Trained:
    """A trained network in evaluation mode, and what it was trained on.

    classes: their names, in the order of the network's outputs; channels and image_size: of the images that it takes,
    image_size the side of the square. metadata: all that the file says, the settings of the training among it.
    """

    network: Module
    model: str
    options: dict[str, Any]
    classes: list[str]
    channels: int
    image_size: int
    metadata: dict[str, Any]


def load_trained(path: str | os.PathLike[str]) -> Trained:
    """The network in a run's folder, or in its weights.safetensors, with the weights that it was trained to.

    TrainedError where there is no such file, where it was not left by `minitorch-cv train` or `finetune`, and where its
    weights are not those of the network that it names.
    """
    file = weights_file(Path(path).expanduser())
    metadata = read_header(file)
    try:
        network = build_network(metadata)
        load_weights(network, file)
    except (RuntimeError, TypeError, ValueError) as error:
        raise TrainedError(f"{file}: cannot be loaded: {error}") from error
    network.eval()
    return Trained(
        network,
        metadata["model"],
        metadata["options"],
        metadata["classes"],
        metadata["in_channels"],
        metadata["resize"],
        metadata,
    )


def weights_file(path: Path) -> Path:
    """The file itself, or the weights in a run's folder; TrainedError where there is none."""
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        what = f"no {WEIGHTS} in this folder" if path.is_dir() else "no such file or folder"
        raise TrainedError(f"{path}: {what}; name a folder that `minitorch-cv train` left, or its {WEIGHTS}")
    return file


def read_header(file: Path) -> dict[str, Any]:
    """What the file says of its network; TrainedError where it does not say all that is needed."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            metadata = json.loads((opened.metadata() or {}).get(METADATA, "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise TrainedError(
            f"{file}: cannot be read as safetensors ({error}); it is damaged or another format"
        ) from error
    missing = [name for name in NEEDED if name not in metadata]
    if missing:
        raise TrainedError(
            f"{file}: does not say which network it is of (it lacks {', '.join(missing)}); name the {WEIGHTS} that "
            "`minitorch-cv train` wrote"
        )
    return metadata


def build_network(metadata: Mapping[str, Any]) -> Module:
    """The network that the metadata describe, with fresh weights.

    body_classes: for how many classes a fine-tuned network was built, before its head was replaced.
    """
    count = len(metadata["classes"])
    body_classes = metadata.get("body_classes", count)
    facts = (metadata["in_channels"], body_classes, metadata["resize"])
    network = models.build(metadata["model"], image_options(metadata["model"], metadata["options"], *facts))
    if body_classes != count:
        replace_head(network, count)
    return network


def image_options(
    model: str, options: Mapping[str, Any], in_channels: int, num_classes: int, image_size: int
) -> dict[str, Any]:
    """A network's options, with the channels, classes and size of the images as far as it asks for them."""
    known = inspect.signature(models.find(model)).parameters
    facts = {"in_channels": in_channels, "num_classes": num_classes, "image_size": image_size}
    return {**{name: value for name, value in facts.items() if name in known}, **options}
