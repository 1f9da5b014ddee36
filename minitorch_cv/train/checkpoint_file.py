"""Checkpoint files: arrays and a JSON text in one safetensors file that is either whole or not there.

Layout: the arrays under their names; the header's metadata have one entry, a JSON object {"format", "sha256", "state"}.
sha256 is taken over the state and over every array's name, dtype, shape and bytes, in the order of the names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .weights import METADATA
from .whole_file import write_whole

FORMAT = "minitorch_cv checkpoint 1"
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # a zip archive or a plain pickle


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read or used; the message names the file and says what is wrong."""


def write_file(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    """Write arrays and state (what JSON can hold) to `path`, or leave what is there and raise CheckpointError."""
    from safetensors.numpy import save

    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(state, default=plain_number)
    header = {"format": FORMAT, "sha256": digest(ordered, text), "state": text}
    content = save(ordered, {METADATA: json.dumps(header)})
    try:
        write_whole(path, content)
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} {cannot_be_written(error)}") from error


def cannot_be_written(error: OSError) -> str:
    """What is wrong with a file of a run, and what to do."""
    return (
        f"cannot be written ({error.strerror or error}); what is on disk is as it was: make room or choose another "
        "folder, and go on from the last checkpoint with --resume, if there is one"
    )


def read_file(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the state in the file. CheckpointError where it is missing, foreign, truncated or altered."""
    state, recorded = read_state(path)
    arrays = read_arrays(path)
    if digest(arrays, state) != recorded:
        raise CheckpointError(f"{path}: damaged: its content does not have the SHA-256 it was saved with; {ADVICE}")
    return arrays, json.loads(state)


ADVICE = "resume from another checkpoint, or begin anew"


def read_state(path: Path) -> tuple[str, str]:
    """The state as JSON, and the SHA-256 that the file should have."""
    with opened(path) as file:
        entry = (file.metadata() or {}).get(METADATA)
    try:
        header = json.loads(entry or "null")
        if header["format"] == FORMAT:
            return header["state"], header["sha256"]
        made_by = f"it is in the format {header['format']!r}, not {FORMAT!r}"
    except (TypeError, KeyError, ValueError):
        made_by = "it is a safetensors file, for instance of weights alone, but no checkpoint"
    raise CheckpointError(f"{path}: {made_by}; give --resume a file that training saved as a checkpoint")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array in the file, by its name."""
    with opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def opened(path: Path) -> Any:
    """The safetensors file, for a `with` block."""
    from safetensors import SafetensorError, safe_open

    try:
        with open(path, "rb") as file:
            start = file.read(4)
        if start.startswith(PICKLES):
            raise CheckpointError(
                f"{path}: a zip archive or pickle, as torch.save writes; these are never read, as they can run any code"
            )
        return safe_open(path, framework="numpy")
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path}: truncated, damaged or no safetensors file ({error}); {ADVICE}") from error


def digest(arrays: Mapping[str, np.ndarray], state: str) -> str:
    """The SHA-256 of all that the file holds."""
    total = hashlib.sha256(state.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def plain_number(value: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a checkpoint holds arrays and what JSON can hold, not {type(value).__name__} ({value!r})")
