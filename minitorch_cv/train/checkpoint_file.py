"""Checkpoint files: arrays and a JSON text in one safetensors file that is either whole or not there.

Layout: the arrays under their names; the header's metadata have one entry, a JSON object {"format", "sha256", "state"}.
sha256 is the `digest` of the arrays and the state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .safetensors_file import METADATA, FormatError, digest, read_safetensors
from .whole_file import write_whole

FORMAT = "minitorch_cv checkpoint 1"


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
    try:
        arrays, text = read_safetensors(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except FormatError as error:
        raise CheckpointError(f"{error}; {ADVICE}") from error
    state, recorded = parse_header(text, path)
    if digest(arrays, state) != recorded:
        raise CheckpointError(f"{path}: damaged: its content does not have the SHA-256 it was saved with; {ADVICE}")
    try:
        return arrays, json.loads(state)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its state is no JSON ({error}); {ADVICE}") from error


ADVICE = "resume from another checkpoint, or begin anew"


def parse_header(text: str | None, path: Path) -> tuple[str, str]:
    """The state as JSON, and the SHA-256 that the file should have."""
    try:
        header = json.loads(text or "null")
        if header["format"] == FORMAT and isinstance(header["state"], str):
            return header["state"], header["sha256"]
        made_by = f"it is in the format {header['format']!r}, not {FORMAT!r}"
    except (TypeError, KeyError, ValueError, RecursionError):
        made_by = "it is a safetensors file, for instance of weights alone, but no checkpoint"
    raise CheckpointError(f"{path}: {made_by}; give --resume a file that training saved as a checkpoint")


def plain_number(value: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a checkpoint holds arrays and what JSON can hold, not {type(value).__name__} ({value!r})")
