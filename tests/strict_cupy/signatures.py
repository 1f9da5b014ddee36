"""What CuPy's functions and methods take, as tools/cupy_signatures.py recorded it: other arguments are a TypeError."""

import functools
import inspect
import json
from pathlib import Path
from typing import Any

TABLE = json.loads(Path(__file__).with_name("signatures.json").read_text(encoding="utf-8"))


@functools.cache
def signature(kind: str, name: str) -> inspect.Signature:
    """Of one of "functions" or "methods"."""
    return inspect.signature(eval(f"lambda {TABLE[kind][name]}: None"))  # the table's own words are Python's


def bound(kind: str, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments by their names; TypeError for a call that CuPy does not take, though NumPy may."""
    try:
        return signature(kind, name).bind(*args, **options).arguments
    except TypeError as error:
        raise TypeError(f"cupy's {name}: {error}; it takes ({TABLE[kind][name]})") from None
