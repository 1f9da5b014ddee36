"""Convolution layers."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..ops.images import pair
from ..tensor import Tensor
from . import functional as F
from . import init
from .lazy import LazyModule
from .module import Module
from .parameter import Parameter, UninitializedParameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Conv2d(Module):
    """y = w ∗ x + b: the cross-correlation of images with filters.

    x (N, C, H, W) or (C, H, W) -> y (N, O, OH, OW) or (O, OH, OW), with weight (O, C/g, KH, KW) and bias (O,), both
    drawn uniformly from ±1/√(C/g KH KW). kernel_size, stride, padding and dilation are one number, or two: (vertical,
    horizontal); padding can be "same" or "valid". ValueError where the channels do not divide into groups.
    Source: Dive into Deep Learning, sections 7.2 to 7.4.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: groups={groups} must be positive and divide in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        if padding_mode not in PADDING_MODES:
            raise ValueError(
                f"Conv2d: padding_mode={padding_mode!r}; choose one of {', '.join(map(repr, PADDING_MODES))}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = pair("Conv2d", "stride", stride, 1)
        self.dilation = pair("Conv2d", "dilation", dilation, 1)
        self.padding = check_padding(padding, self.stride)
        self.groups = groups
        self.padding_mode = padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, dtype=dtype, device=device))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype, device=device)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.reset_weight_and_bias(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if self.padding_mode == "zeros":
            return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._widths(), mode=self.padding_mode)
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def _widths(self) -> list[int]:
        """How many elements to add left, right, above and below; "same" puts the odd one right and below."""
        widths = []
        for axis in (1, 0):
            if isinstance(self.padding, str):
                reach = self.dilation[axis] * (self.kernel_size[axis] - 1) if self.padding == "same" else 0
                widths += [reach // 2, reach - reach // 2]
            else:
                widths += [self.padding[axis]] * 2
        return widths

    def extra_repr(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
            f"padding={self.padding}" if self.padding != (0, 0) else "",
            f"dilation={self.dilation}" if self.dilation != (1, 1) else "",
            f"groups={self.groups}" if self.groups != 1 else "",
            "bias=False" if self.bias is None else "",
            f"padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "",
        ]
        return ", ".join(part for part in parts if part)


def check_padding(padding: Any, stride: tuple[int, int]) -> Any:
    """`padding` as a pair, or the word; ValueError for a word that does not apply."""
    if not isinstance(padding, str):
        return pair("Conv2d", "padding", padding, 0)
    if padding not in ("same", "valid"):
        raise ValueError(f"Conv2d: padding={padding!r}; choose 'same', 'valid', a number or a pair of numbers")
    if padding == "same" and stride != (1, 1):
        raise ValueError(f"Conv2d: padding='same' needs stride 1, got {stride}; give the padding in numbers")
    return padding


class LazyConv2d(LazyModule, Conv2d):
    """A Conv2d that takes in_channels from its first input."""

    becomes = Conv2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        if out_channels % groups:
            raise ValueError(f"LazyConv2d: groups={groups} must divide out_channels={out_channels}")
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def complete(self, input: Tensor) -> None:
        if input.ndim not in (3, 4):
            raise RuntimeError(
                f"LazyConv2d: x has shape {input.shape} but must be (N, C, H, W), or (C, H, W) for one image"
            )
        C = input.shape[-3]
        if C % self.groups:
            raise RuntimeError(
                f"LazyConv2d: groups={self.groups} must divide the {C} channels of x (shape {input.shape})"
            )
        shape = (self.out_channels, C // self.groups, *self.kernel_size)
        self.materialize({"weight": shape, "bias": (self.out_channels,)})
        self.in_channels = self.weight.shape[1] * self.groups
