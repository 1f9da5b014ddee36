"""When a class can make a whole batch at once."""

from __future__ import annotations


def makes_whole_batches(cls: type, whole: str, single: str) -> bool:
    """True for a class whose method `whole` agrees with its method `single`.

    A subclass that overrides the single form alone, to augment samples say, inherits a whole form that ignores it.
    """
    for ancestor in cls.__mro__:
        if whole in vars(ancestor):
            return True
        if single in vars(ancestor):
            return False
    return False
