"""How exact products of float32 are on a GPU: what matrix instructions may read of their factors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

PRECISIONS = {"highest": None, "high": "tf32", "medium": "bf16"}


class _State(threading.local):
    autocast = False


float32_matmul = "highest"
state = _State()


def set_float32_matmul_precision(precision: str) -> None:
    """'highest': factors keep their 24 bits. 'high': they are rounded to TF32, which has 11; 'medium': to bfloat16, 8.

    A GPU from sm_80 on multiplies rounded factors by matrix instructions, many times as fast; sums stay in float32.
    That goes for matrix products and convolutions alike (torch has a switch of its own for convolutions, which is on
    by default). On the CPU and on older GPUs nothing changes. Raises ValueError for another word.
    """
    global float32_matmul
    if precision not in PRECISIONS:
        raise ValueError(
            f"set_float32_matmul_precision({precision!r}): choose one of {', '.join(map(repr, PRECISIONS))}"
        )
    float32_matmul = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was last given."""
    return float32_matmul


def rounding() -> str | None:
    """What factors of float32 are rounded to here and now: 'bf16' inside `autocast`, 'tf32', or None."""
    return "bf16" if state.autocast else PRECISIONS[float32_matmul]


def set_autocast(enabled: bool) -> None:
    """Round to bfloat16 in this thread, from now on, or not."""
    state.autocast = enabled


def as_now(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """`kernel`, to be called later: a backward, after the end of `autocast`, rounds as its forward did."""
    if not state.autocast:
        return kernel

    def call(*args: Any) -> Any:
        before = state.autocast
        set_autocast(True)
        try:
            return kernel(*args)
        finally:
            set_autocast(before)

    return call
