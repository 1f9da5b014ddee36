"""Options of a network on the command line: `--option ratio=4 --option activation=relu`."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any


def parsed(texts: Iterable[str]) -> dict[str, Any]:
    """{"ratio": 4, "activation": "relu"} from ["ratio=4", "activation=relu"].

    Values are read as Python writes numbers, tuples, True, False and None; anything else is a text. ValueError for what
    has no name, no value, or comes twice.
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals and value):
            raise ValueError(f"--option {text}: must be NAME=VALUE, for instance num_classes=5")
        if name in options:
            raise ValueError(f"--option {text}: {name} was given before, as {options[name]!r}; give it once")
        options[name] = literal(value.strip())
    return options


def literal(text: str) -> Any:
    """The Python value that is written so, or the text itself, as which 1_1 counts and not as 11."""
    if "_" in text:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
