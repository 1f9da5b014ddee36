"""Safetensors files: arrays under names, a text of ours in the header, and the SHA-256 of both.

Layout: the length of the header (8 bytes, little-endian), the header as JSON, {name: {dtype, shape, data_offsets}} and
under "__metadata__" texts, then the numbers. https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

METADATA = "minitorch_cv"  # the entry of the header that holds our text
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # a zip archive or a plain pickle
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1", "BOOL": "?"}
DTYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}


class FormatError(RuntimeError):
    """A file is no safetensors file, or not one that can be read; the message names it and says why."""


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], str | None]:
    """The arrays in the file by their names, and our text in its header, None where there is none.

    bfloat16 and float8, which NumPy has not, come as float32 or float16 of the same values. FormatError for another
    format, for damage that shows in the header or the length, and for other numbers; OSError as `open` raises it.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb") as file:
        try:
            with safe_open(path, framework="numpy"):
                pass  # which checks the header: every array lies within the file and is as long as its shape says
        except SafetensorError as error:
            raise FormatError(f"{path}: {reason(file.read(4), error)}") from error
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        text = header.pop("__metadata__", {}).get(METADATA)
        return {name: read_array(file, 8 + length, name, entry) for name, entry in header.items()}, text


def reason(start: bytes, error: Exception) -> str:
    """Why a file that starts so is none of safetensors; the length of a header may well look like a pickle's start."""
    if start.startswith(PICKLES):
        return (
            "a zip archive or pickle, as torch.save writes; these are never read, as they can run any code. Write the "
            "weights by safetensors.torch.save_file(net.state_dict(), 'net.safetensors') instead"
        )
    return f"truncated, damaged or no safetensors file ({error})"


def read_array(file: Any, start: int, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """One array of an open file, whose numbers begin at byte `start`."""
    kind = entry["dtype"]
    if kind not in DTYPES:
        raise FormatError(f"{file.name}: {name} has numbers of type {kind}, which are not read; save it as F32")
    first, end = entry["data_offsets"]
    file.seek(start + first)
    dtype = np.dtype(DTYPES[kind])
    numbers = np.fromfile(file, dtype, (end - first) // dtype.itemsize).reshape(entry["shape"])
    return WIDEN[kind](numbers) if kind in WIDEN else numbers


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """bfloat16 is the upper half of float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def from_float8_e5m2(bits: np.ndarray) -> np.ndarray:
    """The float8 with five bits of exponent is the upper half of float16."""
    return (bits.astype(np.uint16) << 8).view(np.float16)


def from_float8_e4m3(bits: np.ndarray) -> np.ndarray:
    """The float8 with four bits of exponent, counted from 7 where float16 counts from 15; no Inf, all ones are NaN."""
    sign, rest = (bits & 0x80).astype(np.uint16), (bits & 0x7F).astype(np.uint16)
    values = (sign << 8 | rest << 7).view(np.float16).astype(np.float32) * 2**8
    return np.where(rest == 0x7F, np.float32(np.nan), values)


WIDEN = {"BF16": from_bfloat16, "F8_E5M2": from_float8_e5m2, "F8_E4M3": from_float8_e4m3}


def digest(arrays: Mapping[str, np.ndarray], text: str) -> str:
    """The SHA-256 of a text and of every array's name, dtype, shape and bytes, in the order of the names."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
