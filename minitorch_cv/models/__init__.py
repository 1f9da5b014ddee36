"""The networks of Dive into Deep Learning: each is a function that returns one with fresh weights."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..nn import Module
from . import torchvision
from .lenet import LeNet, lenet

BOOK: dict[str, Callable[..., Module]] = {function.__name__: function for function in (lenet,)}
MODELS = BOOK | {f"torchvision.{name}": getattr(torchvision, name) for name in torchvision.__all__}


def find(name: str) -> Callable[..., Module]:
    """The function that builds the model of this name, `torchvision.resnet50` being torchvision's form.

    ValueError for an unknown name.
    """
    if name not in MODELS:
        choices = f"{', '.join(BOOK)}, or torchvision.NAME for torchvision's forms"
        raise ValueError(f"unknown model {name!r}; choose one of: {choices}{did_you_mean(name, MODELS)}")
    return MODELS[name]


def build(name: str, options: Mapping[str, Any] | None = None) -> Module:
    """The model of this name, built with these options: `build("lenet", {"activation": "relu"})`.

    ValueError for an unknown model, or an option that it does not take.
    """
    function, options = find(name), options or {}
    known = inspect.signature(function).parameters
    for option in options:
        if option not in known:
            raise ValueError(
                f"{name} has no option {option!r}; choose among: {', '.join(known)}{did_you_mean(option, known)}"
            )
    return function(**options)


def did_you_mean(word: str, words: Mapping[str, Any]) -> str:
    """A hint at the word that was probably meant, if one is close."""
    close = difflib.get_close_matches(word, words, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
