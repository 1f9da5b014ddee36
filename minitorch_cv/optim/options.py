"""Checks that the optimizers make of their options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def refuse_negative(optimizer: str, group: Mapping[str, Any], *options: str) -> None:
    """ValueError where one of the options is below zero or NaN."""
    for option in options:
        if not group[option] >= 0:
            raise ValueError(f"{optimizer}: {option}={group[option]} must not be negative")
