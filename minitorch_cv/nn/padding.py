"""Padding of images as layers: widths left, right, above, below, or one number for all four."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module


class Pad2d(Module):
    """An image with a border: (N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""

    mode: str

    def __init__(self, padding: Any):
        super().__init__()
        self.padding = (padding,) * 4 if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(Pad2d):
    """A border of zeros."""

    mode = "constant"


class ConstantPad2d(Pad2d):
    """A border of `value`."""

    mode = "constant"

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ReflectionPad2d(Pad2d):
    """A border that mirrors the image at its outermost elements."""

    mode = "reflect"


class ReplicationPad2d(Pad2d):
    """A border that repeats the outermost elements."""

    mode = "replicate"


class CircularPad2d(Pad2d):
    """A border taken from the opposite side."""

    mode = "circular"
