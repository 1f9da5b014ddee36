"""Layers that move elements to other channels and pixels."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module


class ChannelShuffle(Module):
    """The channels of `groups` groups dealt out in turn: (N, C, ...) -> the same shape.

    Source: Zhang et al., "ShuffleNet", arXiv:1707.01083.
    """

    def __init__(self, groups: int):
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class PixelShuffle(Module):
    """r² channels as one image r times as high and wide: (..., C r², H, W) -> (..., C, H r, W r).

    Source: Shi et al., arXiv:1609.05158.
    """

    def __init__(self, upscale_factor: int):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """One image as r² channels of a smaller one: (..., C, H r, W r) -> (..., C r², H, W)."""

    def __init__(self, downscale_factor: int):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"
