"""Weights in files, in the safetensors format that other frameworks read too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import Tensor
from .whole_file import write_whole

METADATA = "minitorch_cv"  # the entry of the header that holds our metadata


def save_weights(model: Any, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None) -> None:
    """Write the model's state_dict to `path`, with metadata (what JSON can hold) in the header of the file.

    Equal weights and metadata give equal bytes: the metadata are one entry, as safetensors writes several in any order.
    """
    from safetensors.numpy import save

    arrays = {name: np.asarray(tensor.detach().cpu().numpy(), order="C") for name, tensor in model.state_dict().items()}
    content = save(arrays, {METADATA: json.dumps(dict(metadata or {}), sort_keys=True)})
    write_whole(Path(path), content)  # safetensors' own save_file makes a file that only its owner may read


def load_weights(model: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Copy the weights in the file into the model, and return the metadata that were saved with them.

    RuntimeError, from load_state_dict, where the names or shapes in the file are not the model's.
    """
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        model.load_state_dict({name: Tensor(file.get_tensor(name)) for name in file.keys()})  # noqa: SIM118
        return json.loads((file.metadata() or {}).get(METADATA, "{}"))
