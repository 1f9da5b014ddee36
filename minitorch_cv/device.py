"""Where a tensor lives."""

from __future__ import annotations

from typing import Any


class device:
    """`device("cpu")`, `device("cuda")` or `device("cuda", 1)`; equal to, and accepted as, its text."""

    def __init__(self, type: Any, index: int | None = None):
        text = str(type)
        name, _, number = text.partition(":")
        if name not in ("cpu", "cuda") or (number and not number.isdigit()):
            raise ValueError(f"unknown device {text!r}; choose 'cpu', 'cuda' or 'cuda:0'")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            other = device(other)
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (f", index={self.index})" if self.index is not None else ")")


CPU = device("cpu")


def require_cpu(place: Any) -> device:
    """`place` as a device; RuntimeError where it is a GPU, which this version cannot use yet."""
    place = device(place)
    if place.type != "cpu":
        raise RuntimeError(
            f"device {str(place)!r}: this version of minitorch_cv computes on the CPU only; use device='cpu'"
        )
    return place
