"""Batch normalisation layers."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import dtypes
from ..creation import ones, zeros
from ..graph import no_grad
from ..tensor import Tensor
from . import functional as F
from .lazy import LazyModule
from .module import Module
from .parameter import Parameter, UninitializedBuffer, UninitializedParameter


class BatchNorm(Module):
    """y = (x - mean) / √(var + eps) · weight + bias, with statistics for each channel.

    In training, and always where track_running_stats is False, mean and var are those of the batch. Training also moves
    running_mean and running_var (with the unbiased variance) towards them by `momentum`; None averages over all batches
    seen. eval() uses the running ones. Source: Dive into Deep Learning, section 8.5; arXiv:1502.03167.
    """

    layouts: ClassVar[dict[int, str]]  # the ranks that forward takes, and what their axes are
    normalise = staticmethod(F.batch_norm)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        C = num_features
        self.register_parameter("weight", Parameter(ones(C, dtype=dtype, device=device)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(C, dtype=dtype, device=device)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(C, dtype=dtype, device=device) if tracked else None)
        self.register_buffer("running_var", ones(C, dtype=dtype, device=device) if tracked else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=dtypes.int64, device=device) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    @no_grad()
    def reset_parameters(self) -> None:
        """Forget the batches seen, and scale by 1 and shift by 0."""
        self.reset_running_stats()
        if self.weight is not None:
            self.weight.fill_(1)
        if self.bias is not None:
            self.bias.zero_()

    def check_layout(self, input: Tensor) -> None:
        """ValueError for an input of another rank than this layer is for."""
        if input.ndim not in self.layouts:
            ranks = " or ".join(f"{rank}D input {axes}" for rank, axes in self.layouts.items())
            raise ValueError(f"{type(self).__name__}: expected {ranks}, got shape {input.shape}")

    def forward(self, input: Tensor) -> Tensor:
        self.check_layout(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        from_batch = self.training or self.running_mean is None
        use_running = not self.training or self.track_running_stats
        return self.normalise(
            input,
            self.running_mean if use_running else None,
            self.running_var if use_running else None,
            self.weight,
            self.bias,
            from_batch,
            momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """Batch normalisation of features (N, C), or of sequences (N, C, L)."""

    layouts: ClassVar = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(BatchNorm):
    """Batch normalisation of images (N, C, H, W)."""

    layouts: ClassVar = {4: "(N, C, H, W)"}


class LazyBatchNorm(LazyModule, BatchNorm):
    """A batch norm that takes num_features from its first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._parameters[name] = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)

    def complete(self, input: Tensor) -> None:
        self.check_layout(input)
        self.materialize(dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (input.shape[1],)))
        self.num_features = input.shape[1]


class LazyBatchNorm1d(LazyBatchNorm, BatchNorm1d):
    """A BatchNorm1d that takes num_features from its first input."""

    becomes = BatchNorm1d


class LazyBatchNorm2d(LazyBatchNorm, BatchNorm2d):
    """A BatchNorm2d that takes num_features from its first input."""

    becomes = BatchNorm2d
