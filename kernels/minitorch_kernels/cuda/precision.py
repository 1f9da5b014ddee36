"""How exact products of float32 are on a GPU."""

from __future__ import annotations

PRECISIONS = ("highest", "high", "medium")
float32_matmul = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """'highest': factors keep their 24 bits. 'high' and 'medium': they are rounded to TF32, which has 11.

    With TF32 a GPU from sm_80 on multiplies by matrix instructions, many times as fast; sums stay in float32. That goes
    for matrix products and convolutions alike (torch has a switch of its own for convolutions, which is on by default).
    On the CPU nothing changes. Raises ValueError for another word.
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
