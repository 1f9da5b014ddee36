"""What a recording relies on without having it as a value: the modules of a network, as they were while it was made."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

COLLECTIONS = (dict, list, tuple, set)
LONGEST = 1000  # what a longer collection holds is data, not a part of the network


class Snapshot:
    """The modules that a step called, and all below them, with what their forwards may read.

    That is each attribute of a module, and what its registries and other collections hold: layers, parameters, buffers,
    hooks, `training`, numbers such as the p of a dropout. An array that was written to is still the same.
    """

    def __init__(self, modules: Iterable[Any]):
        self.states = [(module, state_of(module)) for module in with_parts(modules)]

    def still_holds(self) -> bool:
        """True if every attribute is the same object as before."""
        return all(alike(state_of(module), state) for module, state in self.states)


def with_parts(modules: Iterable[Any]) -> Iterator[Any]:
    """Each module and everything below it, once."""
    seen: set[int] = set()
    pending = list(modules)
    while pending:
        module = pending.pop()
        if module is not None and id(module) not in seen:
            seen.add(id(module))
            pending += module._modules.values()
            yield module


def state_of(module: Any) -> list[Any]:
    """The forward of a module's class, its attributes by name, and what those of them hold that are collections."""
    attributes = vars(module)
    state = [type(module).forward, *attributes, *attributes.values()]
    for value in attributes.values():
        if isinstance(value, COLLECTIONS) and 0 < len(value) <= LONGEST:
            state += value
            if isinstance(value, dict):
                state += value.values()
    return state


def alike(state: list[Any], before: list[Any]) -> bool:
    """True for the same objects in the same order; they are not compared by value, which for tensors is a tensor."""
    return len(state) == len(before) and all(map(operator.is_, state, before))
