"""Normalisation of each image by itself; batch normalisation is in `batchnorm.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..creation import ones, zeros
from ..graph import no_grad
from ..tensor import Tensor
from . import functional as F
from .batchnorm import BatchNorm
from .module import Module
from .parameter import Parameter


class AffineNorm(Module):
    """What layer and group norm share: weight and bias of one shape, each of which may be missing."""

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, shape: tuple[int, ...], eps: float, affine: bool, bias: bool, device: Any, dtype: Any):
        super().__init__()
        self.eps = eps
        self.register_parameter("weight", Parameter(ones(shape, dtype=dtype, device=device)) if affine else None)
        shifted = affine and bias
        self.register_parameter("bias", Parameter(zeros(shape, dtype=dtype, device=device)) if shifted else None)

    @no_grad()
    def reset_parameters(self) -> None:
        """Scale by 1 and shift by 0."""
        if self.weight is not None:
            self.weight.fill_(1)
        if self.bias is not None:
            self.bias.zero_()


class LayerNorm(AffineNorm):
    """y = (x - mean) / √(var + eps) · weight + bias, with the statistics of the last axes of each row.

    x (..., *normalized_shape) -> y as x; weight and bias of normalized_shape, a number for a single axis.
    Source: Ba, Kiros and Hinton, arXiv:1607.06450.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        super().__init__(shape, eps, elementwise_affine, bias, device, dtype)
        self.normalized_shape = shape
        self.elementwise_affine = elementwise_affine

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(AffineNorm):
    """y = (x - mean) / √(var + eps) · weight + bias, with the statistics of each of num_groups groups of channels.

    x (N, C, ...) -> y as x; weight and bias (C,). ValueError where num_groups does not divide num_channels.
    Source: Wu and He, arXiv:1803.08494.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels cannot be split into {num_groups} equal groups")
        super().__init__((num_channels,), eps, affine, bias, device, dtype)
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.affine = affine

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class InstanceNorm2d(BatchNorm):
    """y = (x - mean) / √(var + eps) · weight + bias, with the statistics of each channel of each image.

    x (N, C, H, W) or (C, H, W) -> y as x. With track_running_stats eval() uses running statistics, as a batch norm
    does; unlike there, there is no weight, bias or running statistic unless asked for. Source: arXiv:1607.08022.
    """

    layouts: ClassVar = {3: "(C, H, W)", 4: "(N, C, H, W)"}

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self.check_layout(input)
        y = F.instance_norm(
            input if input.ndim == 4 else input.unsqueeze(0),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return y if input.ndim == 4 else y.squeeze(0)


class LocalResponseNorm(Module):
    """y = x / (k + alpha / size · Σ x²)^beta, the sum over `size` neighbouring channels.

    x (N, C, ...) -> y as x. Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural
    Networks", 2012, section 3.3, whose alpha is not divided by the size.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
