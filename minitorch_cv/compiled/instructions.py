"""From the entries of a recording to a flat list of instructions: forward, backward, and what is let go of when.

An instruction reads and writes `values`, a list by slot. Gradients and what the backwards keep have slots of their own,
behind those of the recording. Nothing here knows tensors' graphs: which gradient goes where was settled beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minitorch_kernels import memory
from minitorch_kernels.arrays import Array, array_module, copied, on_gpu_of

from ..graph import GradientSum, checked, is_fresh
from ..tensor import Tensor, array_from
from .recording import Entry, is_array


class Instruction:
    """One step of a replay. `reads` and `writes` are the slots it touches, `drops` those nobody reads after it."""

    reads: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()
    drops: tuple[int, ...] = ()
    name = ""

    def run(self, values: list[Any], args: Sequence[Any]) -> None:
        """Do it; `args` are what the step was called with."""
        raise NotImplementedError

    def run_at_home(self, values: list[Any], args: Sequence[Any]) -> None:
        """Do it on the GPU of the arrays that it reads."""
        read = [values[slot] for slot in self.reads]
        with on_gpu_of(value.total if isinstance(value, GradientSum) else value for value in read):
            self.run(values, args)


class Operation(Instruction):
    """output, backward = function(*arrays)."""

    def __init__(self, entry: Entry, closure: int | None):
        self.entry = entry
        self.name = entry.name
        self.function = entry.function
        self.inputs = entry.inputs
        self.options = entry.options
        self.results = entry.results
        self.closure = closure
        self.wanted = tuple(parent is not None for parent in entry.parents)
        self.reads = (*entry.inputs, *(slot for _, slot in entry.options))
        self.writes = entry.results if closure is None else (*entry.results, closure)

    def run(self, values: list[Any], args: Sequence[Any]) -> None:
        options = {name: values[slot] for name, slot in self.options}
        output, backward = self.function(*[values[slot] for slot in self.inputs], **options)
        for slot, array in zip(self.results, output if isinstance(output, tuple) else (output,)):
            values[slot] = array if is_array(array) else array_from(array)
        if self.closure is not None:
            if isinstance(backward, tuple):
                backward = tuple(f if wanted else None for f, wanted in zip(backward, self.wanted))
            values[self.closure] = backward
        for slot in self.drops:
            values[slot] = None


class Call(Instruction):
    """results = function(*values), where tensors are given as tensors."""

    def __init__(self, entry: Entry, externals: dict[int, Tensor], arguments: int):
        self.entry = entry
        self.name = entry.name
        self.function = entry.function
        self.results = entry.results
        self.tensors = {slot: externals.get(slot) for slot in entry.tensors}
        self.arguments = arguments
        self.reads = (*entry.inputs, *(slot for _, slot in entry.options))
        self.writes = entry.results

    def run(self, values: list[Any], args: Sequence[Any]) -> None:
        given = [self.given(slot, values, args) for slot in self.entry.inputs]
        options = {name: self.given(slot, values, args) for name, slot in self.entry.options}
        result = self.function(*given, **options)
        for slot, value in zip(self.results, result if isinstance(result, tuple) else (result,)):
            values[slot] = value._array if isinstance(value, Tensor) else value
        for slot in self.drops:
            values[slot] = None

    def given(self, slot: int, values: list[Any], args: Sequence[Any]) -> Any:
        """The value of a slot as the function had it: the tensor itself where it comes from outside."""
        if slot not in self.tensors:
            return values[slot]
        if slot < self.arguments:
            return args[slot]
        tensor = self.tensors[slot]
        return Tensor(values[slot]) if tensor is None else tensor


class Seed(Instruction):
    """The gradient that a backward starts from: ones, or what was given."""

    name = "seed"

    def __init__(self, entry: Entry, slot: int):
        self.given = entry.inputs[1] if len(entry.inputs) > 1 else None
        assert entry.given[0] is not None
        self.shape, self.dtype = entry.given[0]
        self.slot = slot
        self.root = entry.inputs[0]
        self.reads = entry.inputs
        self.writes = (slot,)

    def run(self, values: list[Any], args: Sequence[Any]) -> None:
        if self.given is None:
            values[self.slot] = array_module(values[self.root]).ones(self.shape, self.dtype)
        else:
            given = values[self.given]
            values[self.slot] = (given if is_array(given) else np.asarray(given)).astype(self.dtype, copy=False)
        for slot in self.drops:
            values[slot] = None


class Backward(Instruction):
    """gradients = backward(dy), each handed to the slot where the gradient of its input is collected."""

    def __init__(self, entry: Entry, closure: int, dy: int, targets: list[tuple[int, int]], summed: set[int]):
        self.entry = entry
        self.name = f"{entry.name} backward"
        self.closure = closure
        self.dy = dy
        self.dy_is_sum = dy in summed
        self.needs = (*(parent is not None for parent in entry.parents),)
        self.targets = [(position, slot, slot in summed, entry.given[position]) for position, slot in targets]
        self.reads = (closure, dy)
        self.writes = tuple(slot for _, slot in targets)

    def run(self, values: list[Any], args: Sequence[Any]) -> None:
        dy = values[self.dy]
        if dy is None:  # an operation behind this one had no gradient to give
            return
        if self.dy_is_sum:
            dy = dy.total
        backward = values[self.closure]
        if isinstance(backward, tuple):
            gradients = [None if function is None else function(dy) for function in backward]
        else:
            gradients = backward(dy, self.needs)
        for position, slot, summed, expected in self.targets:
            dx = checked(self.name, position, gradients[position], expected)
            if dx is None:
                continue
            if summed:
                if values[slot] is None:
                    values[slot] = GradientSum()
                values[slot].add(dx, dx is not gradients[position] or is_fresh(gradients, position, dy))
            else:
                values[slot] = dx
        for slot in self.drops:
            values[slot] = None


class Receive(Instruction):
    """The gradients of the leaves, at the end of a backward, into their `grad`."""

    name = "gradients of the leaves"

    def __init__(self, leaves: list[tuple[int, int]], externals: dict[int, Tensor]):
        self.leaves = [(externals.get(leaf), leaf, slot) for leaf, slot in leaves]
        self.reads = tuple(slot for _, slot in leaves)

    def run(self, values: list[Any], args: Sequence[Any]) -> None:
        for tensor, leaf, slot in self.leaves:
            if values[slot] is not None:
                (args[leaf] if tensor is None else tensor)._receive_grad(kept(values[slot]))
        for slot in self.drops:
            values[slot] = None


def kept(total: GradientSum) -> Array:
    """The sum as an array that its receiver may keep: not in memory that is planned for something else later."""
    if not total.fresh:
        return copied(total.total)
    if memory.source.current is not None:
        memory.source.current.escape(total.total)
    return total.total


class Gradients:
    """Where the gradients of one backward are collected: a slot for each output and leaf that one reaches."""

    def __init__(self, entries: Sequence[Entry], root: int, new_slot: Callable[[], int]):
        made_by = {entry.results[0]: number for number, entry in enumerate(entries) if any_wanted(entry)}
        self.reached: list[int] = []  # the numbers of the entries, in the order of the backward
        self.arrivals: Counter[int] = Counter()  # how many gradients are added up for each slot
        waiting = {made_by[root]}
        for number in reversed(range(made_by[root] + 1)):
            if number not in waiting:
                continue
            self.reached.append(number)
            for parent in entries[number].parents:
                if parent is not None:
                    self.arrivals[parent] += 1
                    if parent in made_by:
                        waiting.add(made_by[parent])
        self.leaves = [slot for slot in self.arrivals if slot not in made_by]
        self.slots = {slot: new_slot() for slot in (root, *self.arrivals)}
        self.summed = {self.slots[slot] for slot, count in self.arrivals.items() if count > 1 or slot in self.leaves}

    def instructions(self, entries: Sequence[Entry], closures: dict[int, int]) -> list[Instruction]:
        """The backwards of all entries that are reached."""
        result: list[Instruction] = []
        for number in self.reached:
            entry = entries[number]
            targets = [(i, self.slots[parent]) for i, parent in enumerate(entry.parents) if parent is not None]
            result.append(Backward(entry, closures[number], self.slots[entry.results[0]], targets, self.summed))
        return result


def any_wanted(entry: Entry) -> bool:
    """True where a gradient flows through an entry."""
    return any(parent is not None for parent in entry.parents)


def let_go(instructions: Sequence[Instruction], kept_slots: set[int]) -> None:
    """Have each slot dropped by the instruction that touches it last, but for those that are kept."""
    last = {slot: number for number, step in enumerate(instructions) for slot in (*step.reads, *step.writes)}
    for number, step in enumerate(instructions):
        touched = dict.fromkeys((*step.reads, *step.writes))
        step.drops = tuple(slot for slot in touched if last[slot] == number and slot not in kept_slots)
