"""Tensors in tuples, lists and dictionaries, as steps take and return them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor


def mapped(value: Any, on_tensor: Callable[[Tensor], Any], on_other: Callable[[Any], Any]) -> Any:
    """The same nesting, with every tensor replaced, and everything else that is no tuple, list or dictionary."""
    if isinstance(value, Tensor):
        return on_tensor(value)
    if type(value) in (tuple, list):
        return type(value)(mapped(part, on_tensor, on_other) for part in value)
    if type(value) is dict:
        return {key: mapped(part, on_tensor, on_other) for key, part in value.items()}
    return on_other(value)
