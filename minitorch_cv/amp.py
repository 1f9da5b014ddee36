"""Mixed precision: products of rounded factors, where everything else keeps its float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minitorch_kernels.cuda import precision
from minitorch_kernels.scoped import scoped

from .dtypes import bfloat16
from .listening import told, when_captured

set_rounding = told(
    when_captured("device")(precision.set_autocast)
)  # a recorded step rounds, and ceases to, where the step does


class autocast:
    """`with autocast("cuda"):` on a GPU, products and convolutions round their factors to bfloat16; sums stay float32.

    That goes for `matmul`, `linear`, the convolutions and the transposed ones, forward and backward; a backward after
    the end of the block rounds as its forward did. Depthwise convolutions, which are no matrix products, do not round.
    It is also a decorator. dtype: bfloat16, with the exponents of float32, so that gradients need no scaling;
    enabled=False switches it off within another block. Tensors on the CPU, and GPUs older than sm_80, compute as ever.

    Where this differs from torch on purpose: tensors stay float32 in memory, parameters (the master weights) and
    activations alike, and are rounded when a product reads them; so no operation sees another dtype. The price is
    memory: activations take, and move, twice the bytes of torch's bfloat16 ones. torch's default on "cuda" is float16.
    RuntimeError for another device type, or another dtype.
    """

    def __init__(self, device_type: str = "cuda", dtype: Any = bfloat16, enabled: bool = True):
        if device_type != "cuda":
            raise RuntimeError(f"autocast: device_type={device_type!r} has no matrix instructions here; use 'cuda'")
        if dtype is not None and dtype is not bfloat16:
            raise RuntimeError(f"autocast: dtype={dtype} is not supported; use minitorch_cv.bfloat16")
        self.enabled = enabled
        self.before: list[bool] = []

    def __enter__(self) -> autocast:
        self.before.append(precision.state.autocast)
        set_rounding(self.enabled)
        return self

    def __exit__(self, *exc: object) -> None:
        set_rounding(self.before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return scoped(function, lambda: autocast(enabled=self.enabled))


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """True inside `autocast` for such devices."""
    return device_type == "cuda" and precision.state.autocast
