"""Weights in files, in the safetensors format that other frameworks read too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import Tensor
from .safetensors_file import METADATA, FormatError, digest, read_safetensors
from .whole_file import write_whole

SHA256 = "sha256"  # the name among the metadata under which the SHA-256 of arrays and other metadata lies


class WeightsError(RuntimeError):
    """Weights cannot be loaded; the message names the file and says what is wrong."""


def save_weights(model: Any, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None) -> None:
    """Write the model's state_dict to `path`, with metadata (what JSON can hold) in the header of the file.

    Among the metadata goes a SHA-256 of everything, by which damage is found when the file is read. Equal weights and
    metadata give equal bytes: the metadata are one entry, as safetensors writes several in any order.
    """
    from safetensors.numpy import save

    arrays = {name: np.asarray(tensor.detach().cpu().numpy(), order="C") for name, tensor in model.state_dict().items()}
    facts = json.loads(json.dumps(dict(metadata or {})))  # as they will be read: keys are text, tuples lists
    if SHA256 in facts:
        raise ValueError(f"save_weights: {SHA256!r} is the name of the checksum; choose another one in the metadata")
    content = save(arrays, {METADATA: in_order({**facts, SHA256: digest(arrays, in_order(facts))})})
    write_whole(Path(path), content)  # safetensors' own save_file makes a file that only its owner may read


def in_order(facts: Any) -> str:
    """Metadata as JSON; equal ones give equal texts."""
    return json.dumps(facts, sort_keys=True)


def load_weights(model: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Copy the weights in the file into the model, and return the metadata that were saved with them.

    Files of other writers are read as well: numbers are converted to the dtype of the model's, bfloat16 and float8
    among them; where the model has one tensor under several names, one of them in the file will do. WeightsError for
    another format, for damage, and where the names or shapes in the file are not the model's.
    """
    arrays, metadata = read_weights(Path(path))
    try:
        copy_weights(model, arrays)
    except (RuntimeError, TypeError) as error:
        raise WeightsError(f"{path}: {error}") from error
    return metadata


def read_weights(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays in the file and its metadata, checked by their SHA-256 where the file has one."""
    try:
        arrays, text = read_safetensors(path)
    except FormatError as error:
        raise WeightsError(str(error)) from error
    try:
        metadata = json.loads(text or "{}")
        recorded = metadata.pop(SHA256, None) if is_of_weights(metadata) else None
        found = recorded and digest(arrays, in_order(metadata))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: damaged: its metadata are no JSON ({error})") from error
    if found != recorded:
        raise WeightsError(f"{path}: damaged: its content does not have the SHA-256 it was saved with; copy it anew")
    return arrays, metadata


def is_of_weights(metadata: Any) -> bool:
    """False for what is no description at all, and for that of a checkpoint, which has a SHA-256 of its own kind."""
    return isinstance(metadata, dict) and "state" not in metadata


def copy_weights(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Copy the arrays into the model; RuntimeError, from load_state_dict, where names or shapes are not the model's."""
    state = model.state_dict(keep_vars=True)
    stored = {id(tensor): name for name, tensor in state.items() if name in arrays}
    tied = {name: arrays[stored[id(tensor)]] for name, tensor in state.items() if id(tensor) in stored}
    model.load_state_dict({name: Tensor(array) for name, array in {**tied, **arrays}.items()})
