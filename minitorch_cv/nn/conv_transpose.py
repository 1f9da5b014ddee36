"""Transposed convolution layers."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..ops.conv_transpose import smallest_size
from ..ops.images import Pair, pair
from ..tensor import Tensor
from . import functional as F
from . import init
from .lazy import LazyModule
from .module import Module
from .parameter import Parameter, UninitializedParameter


class ConvTranspose2d(Module):
    """y = w stamped on y once for each element of x, + b: what a convolution does to gradients, as a forward.

    x (N, C, H, W) or (C, H, W) -> y (N, O, OH, OW) or (O, OH, OW), OH = (H - 1) s - 2p + d (KH - 1) + 1 +
    output_padding, with weight (C, O/g, KH, KW) and bias (O,), both drawn uniformly from ±1/√(O/g KH KW). A stride
    s > 1 enlarges images s times. All sizes are one number, or two: (vertical, horizontal). `forward` takes
    output_size, (OH, OW), in the place of output_padding. ValueError where the channels do not divide into groups.
    Source: Dive into Deep Learning, section 14.10.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"ConvTranspose2d: groups={groups} must be positive and divide in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        if padding_mode != "zeros":
            raise ValueError(f"ConvTranspose2d: padding_mode={padding_mode!r}; only 'zeros' can be turned round")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair("ConvTranspose2d", "kernel_size", kernel_size, 1)
        self.stride = pair("ConvTranspose2d", "stride", stride, 1)
        self.padding = pair("ConvTranspose2d", "padding", padding, 0)
        self.output_padding = pair("ConvTranspose2d", "output_padding", output_padding, 0)
        self.dilation = pair("ConvTranspose2d", "dilation", dilation, 1)
        self.groups = groups
        self.padding_mode = padding_mode
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, dtype=dtype, device=device))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype, device=device)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.reset_weight_and_bias(self.weight, self.bias)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._padding_to(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _padding_to(self, input: Tensor, output_size: Any) -> Pair:
        """The output_padding that gives `output_size`: (OH, OW), or the whole shape of y. ValueError for another."""
        if len(output_size) not in (2, input.ndim):
            raise ValueError(
                f"ConvTranspose2d: output_size is {tuple(output_size)}; give (OH, OW) or all {input.ndim} sizes of y"
            )
        wanted = tuple(output_size[-2:])
        axes = zip(input.shape[-2:], self.kernel_size, self.stride, self.padding, self.dilation)
        least = tuple(smallest_size(*axis) for axis in axes)
        most = tuple(n + s - 1 for n, s in zip(least, self.stride))
        if any(not low <= n <= high for low, n, high in zip(least, wanted, most)):
            raise ValueError(
                f"ConvTranspose2d: output_size {wanted} must lie between {least} and {most} for an input of shape "
                f"{input.shape} with stride {self.stride}"
            )
        return wanted[0] - least[0], wanted[1] - least[1]

    def extra_repr(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
            f"padding={self.padding}" if self.padding != (0, 0) else "",
            f"dilation={self.dilation}" if self.dilation != (1, 1) else "",
            f"output_padding={self.output_padding}" if self.output_padding != (0, 0) else "",
            f"groups={self.groups}" if self.groups != 1 else "",
            "bias=False" if self.bias is None else "",
        ]
        return ", ".join(part for part in parts if part)


class LazyConvTranspose2d(LazyModule, ConvTranspose2d):
    """A ConvTranspose2d that takes in_channels from its first input."""

    becomes = ConvTranspose2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )
        if out_channels % groups:
            raise ValueError(f"LazyConvTranspose2d: groups={groups} must divide out_channels={out_channels}")
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        self.complete(input)
        self.__class__ = self.becomes  # type: ignore[assignment]
        return self.forward(input, output_size)

    def complete(self, input: Tensor) -> None:
        if input.ndim not in (3, 4):
            raise RuntimeError(
                f"LazyConvTranspose2d: x has shape {input.shape} but must be (N, C, H, W), or (C, H, W) for one image"
            )
        C = input.shape[-3]
        if C % self.groups:
            raise RuntimeError(
                f"LazyConvTranspose2d: groups={self.groups} must divide the {C} channels of x (shape {input.shape})"
            )
        shape = (C, self.out_channels // self.groups, *self.kernel_size)
        self.materialize({"weight": shape, "bias": (self.out_channels,)})
        self.in_channels = self.weight.shape[0]
