"""Number types under torch's names, and which type the result of an operation has."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np


class BFloat16:
    """The name of bfloat16, for `autocast`: float32 without the lower half of its bits. NumPy has no such type, so no
    tensor here can have it."""

    def __repr__(self) -> str:
        return "bfloat16"

    @property
    def dtype(self) -> np.dtype:  # where NumPy looks for the type that an object stands for
        raise TypeError("no tensor can be bfloat16: it is what `autocast` rounds factors to; use float32")


bfloat16 = BFloat16()
float16 = half = np.dtype("float16")
float32 = float = np.dtype("float32")
float64 = double = np.dtype("float64")
uint8 = np.dtype("uint8")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = int = np.dtype("int32")
int64 = long = np.dtype("int64")
bool = np.dtype("bool")

_default = [float32]


def set_default_dtype(dtype: Any) -> None:
    """The type of new floating-point tensors: float32 unless set to float64. TypeError for a non-floating type."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"set_default_dtype({dtype}): only a floating-point dtype can be the default, such as float32")
    _default[0] = dtype


def get_default_dtype() -> np.dtype:
    """The type of new floating-point tensors."""
    return _default[0]


_CATEGORIES = {"b": 0, "u": 1, "i": 1, "f": 2}


def category(dtype: np.dtype) -> Any:
    """0 for bool, 1 for integers, 2 for floating point; TypeError for others (complex, text, objects)."""
    try:
        return _CATEGORIES[dtype.kind]
    except KeyError:
        raise TypeError(f"dtype {dtype} is not supported; use bool, an integer or a floating-point type") from None


def number_dtype(value: Any) -> np.dtype:
    """The type a Python number, or a NumPy scalar, stands for: bool, int64, or the default floating-point type."""
    if isinstance(value, (builtins.bool, np.bool_)):
        return bool
    return int64 if isinstance(value, (builtins.int, np.integer)) else _default[0]


def result_dtype(*operands: Any) -> np.dtype:
    """torch's rule: floating beats integer beats bool, and within one of these the wider type.

    A 0-d tensor counts only where it lifts the category of the tensors with dimensions, a Python number only where it
    lifts that of all tensors: float32 tensor + 1.0, or + a 0-d float64 tensor, stays float32. NumPy would widen there.
    """
    ranks: list[list[np.dtype]] = [[], [], []]
    for operand in operands:
        if hasattr(operand, "ndim") and not isinstance(operand, np.generic):
            ranks[0 if operand.ndim else 1].append(operand.dtype)
        else:
            ranks[2].append(number_dtype(operand))
    result: np.dtype | None = None
    for dtypes in ranks:
        for dtype in dtypes[1:]:
            dtypes[0] = wider(dtypes[0], dtype)
        if dtypes and (result is None or category(dtypes[0]) > category(result)):
            result = dtypes[0]
    assert result is not None
    return result


def wider(a: np.dtype, b: np.dtype) -> np.dtype:
    """The type that holds both: of the higher category, or the common one within a category."""
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    return np.promote_types(a, b)
