"""What a weights file says of its network: whether it is all there, of the right kinds, and no larger than the file.

A network is built from these words before its weights are copied into it, so a wrong number would fill the memory.
"""

from __future__ import annotations

import inspect
import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import models

NEEDED = ("model", "options", "in_channels", "classes", "resize")
MOST_CLASSES = 100_000
MOST_PIXELS = 10_000  # of the side of an image


def is_number(value: Any, least: float, most: float) -> bool:
    """True for a number of this range; truth values and NaN are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def is_whole(value: Any, most: int) -> bool:
    """True for a whole number from 1 on."""
    return isinstance(value, int) and is_number(value, 1, most)


def is_list_of_names(value: Any) -> bool:
    """True for names of classes."""
    return isinstance(value, list) and 1 <= len(value) <= MOST_CLASSES and all(isinstance(name, str) for name in value)


def is_rate(value: Any) -> bool:
    """True for a finite number of 0 or more."""
    return is_number(value, 0, math.inf) and value < math.inf


def is_text(value: Any) -> bool:
    """True for text."""
    return isinstance(value, str)


def is_table(value: Any) -> bool:
    """True for options of a network: numbers, texts, truth values, or lists of these, under their names."""
    simple = (int, float, str, type(None))
    return isinstance(value, dict) and all(isinstance(entry, simple) for entry in entries(value))


def entries(options: Mapping[str, Any]) -> list[Any]:
    """The values of options, and of lists among them the elements."""
    return [entry for value in options.values() for entry in (value if isinstance(value, list) else [value])]


# What an entry must be, where it is there: the test, and in words.
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "model": (is_text, "the name of a network"),
    "options": (is_table, "a table of a network's options"),
    "in_channels": (lambda value: is_whole(value, MOST_PIXELS), f"a whole number from 1 to {MOST_PIXELS:,}"),
    "resize": (lambda value: is_whole(value, MOST_PIXELS), f"a whole number from 1 to {MOST_PIXELS:,}"),
    "classes": (is_list_of_names, f"a list of 1 to {MOST_CLASSES:,} names"),
    "body_classes": (lambda value: is_whole(value, MOST_CLASSES), f"a whole number from 1 to {MOST_CLASSES:,}"),
    "optimizer": (is_text, "the name of an optimizer"),
    "momentum": (is_rate, "a number from 0 on"),
    "lr": (is_rate, "a number from 0 on"),
    "head_factor": (is_rate, "a number from 0 on"),
}


def check_description(metadata: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """ValueError where the metadata do not describe a network whose weights these arrays can be."""
    if not isinstance(metadata, dict):
        raise ValueError(f"does not say which network it is of, but {reprlib.repr(metadata)}")
    missing = [name for name in NEEDED if name not in metadata]
    if missing:
        raise ValueError(f"does not say which network it is of (it lacks {', '.join(missing)})")
    for name, (fits, words) in KINDS.items():
        if name in metadata and not fits(metadata[name]):
            raise ValueError(f"says that {name} is {reprlib.repr(metadata[name])}, which should be {words}")
    longest = max((max(array.shape, default=1) for array in arrays.values() if array.size), default=0)
    for name, number in sizes(metadata):
        if abs(number) > longest:
            raise ValueError(f"says {name} {number:,}, but its longest array has {longest:,} elements along an axis")


def sizes(metadata: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The numbers to each of which some weights of the network are as many or more."""
    found = [("in_channels", metadata["in_channels"]), ("classes", len(metadata["classes"]))]
    function = models.MODELS.get(metadata["model"])
    if function is not None and "image_size" in inspect.signature(function).parameters:
        found.append(("resize", metadata["resize"]))
    numbers = [entry for entry in entries(metadata["options"]) if isinstance(entry, (int, float))]
    return found + [("option", number) for number in numbers]
