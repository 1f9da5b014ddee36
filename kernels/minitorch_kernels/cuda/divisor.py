"""Numbers that kernels divide by, prepared: `Divisor` in divisor.cuh."""

from __future__ import annotations


def divisor(by: int) -> int:
    """Shift (upper half) and multiplier (lower) with which floor(n / by) = (floor(n multiplier / 2**32) + n) >> shift.

    That holds for 0 <= n < 2**31. A size of 0, by which nothing is ever divided, is taken for 1.
    """
    by = max(by, 1)
    shift = (by - 1).bit_length()
    return shift << 32 | ((1 << 32) * ((1 << shift) - by) // by + 1)
