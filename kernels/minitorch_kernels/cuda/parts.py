"""Long sums with few results, cut into parts that blocks take side by side, and added up in a fixed order."""

from __future__ import annotations

from ..arrays import Array
from .launch import launch

BLOCKS = 256  # about so many share a sum out: two for each multiprocessor of a large GPU
SHORTEST = 64  # summands in a part, at least
STEP = 16  # parts are a multiple of it: DEPTH in tiles.cuh


def parts(results: int, depth: int) -> tuple[int, int]:
    """How many parts, and of what length, a sum over `depth` is cut into where `results` blocks alone would make it.

    It depends on shapes alone, so that a sum has the same bits on every GPU.
    """
    count = max(1, min(BLOCKS // max(1, results), depth // SHORTEST))
    length = max(STEP, -(-depth // (count * STEP)) * STEP)
    return max(1, -(-depth // length)), length


def add_parts(partial: Array, out: Array) -> None:
    """out = Σ partial[part], for partial (parts, ...) and out (...), both C-contiguous."""
    launch("cuda/parts.cu", "add_parts", (-(-out.size // 32),), (256,), partial, len(partial), out, out.size)
