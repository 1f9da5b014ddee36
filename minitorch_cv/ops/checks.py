"""Checks that several operations share; their messages name the operation, the values and the fix."""

from __future__ import annotations

from typing import Any

from ..dtypes import result_dtype


def same_dtype(operation: str, **operands: Any) -> None:
    """RuntimeError where operands that meet in one kernel differ in dtype; None stands for one that is absent."""
    dtypes = {name: x.dtype for name, x in operands.items() if x is not None}
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{name} is {dtype}" for name, dtype in dtypes.items())
        common = result_dtype(*(x for x in operands.values() if x is not None))
        raise RuntimeError(f"{operation}: mixed dtypes: {listed}; convert them to one, for instance with .to({common})")
