"""Running a recording again: the same functions on new arrays, without building a graph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minitorch_kernels import memory
from minitorch_kernels.arrays import Array

from ..graph import GradientSum, Node, Saved
from ..out_of_memory import explained_by_replay
from ..tensor import Tensor
from .buffers import Arena, Buffers, Log
from .capturing import Capturing
from .fusing import fused
from .instructions import Call, Gradients, Instruction, Operation, Receive, Seed, kept, let_go
from .recording import Recorder
from .snapshot import Snapshot


class Recording:
    """The instructions of one step for one kind of arguments.

    `forward` is what a call of the step does, backwards inside the step included. Where the result of the step needs a
    gradient, `later` is the backward through it, which runs when the caller's backward gets there.
    """

    def __init__(self, recorder: Recorder):
        self.output = recorder.output
        self.arguments = recorder.arguments
        self.modules = Snapshot(module for module, _ in recorder.modules.values())
        self.externals = [(t, t._array, t.requires_grad, slot) for slot, t in recorder.externals.items()]
        self.values = list(recorder.values)
        for _, array, _, slot in self.externals:
            self.values[slot] = array
        self.buffers = Buffers()
        root = self.root = recorder.root
        returned = self.returned = {slot for slot, _ in pairs(self.output, self.output)}
        constants = set(recorder.constants)

        def constant(value: Any) -> int:
            slot = self.new_slot()
            self.values[slot] = value
            constants.add(slot)
            return slot

        self.rooted, self.handed_on = recorder.rooted, recorder.handed_on
        needed = returned if root is None else returned | {root}
        self.entries = fused(recorder.entries, needed, set(recorder.externals), constant)
        externals = self.outside = dict(recorder.externals)
        backwards = {
            number: Gradients(self.entries, entry.inputs[0], self.new_slot)
            for number, entry in enumerate(self.entries)
            if entry.kind == "backward"
        }
        last = None if root is None else Gradients(self.entries, root, self.new_slot)
        reached = {number for part in (*backwards.values(), last) if part is not None for number in part.reached}
        closures = {number: self.new_slot() for number in sorted(reached)}
        self.forward: list[Instruction] = []
        for number, entry in enumerate(self.entries):
            if entry.kind == "operation":
                self.forward.append(Operation(entry, closures.get(number)))
            elif entry.kind == "call":
                self.forward.append(Call(entry, externals, self.arguments))
            else:
                part = backwards[number]
                self.forward.append(Seed(entry, part.slots[entry.inputs[0]]))
                self.forward += part.instructions(self.entries, closures)
                self.forward.append(Receive([(leaf, part.slots[leaf]) for leaf in part.leaves], externals))
        self.later: list[Instruction] = []
        self.leaves: list[tuple[int, int]] = []
        if last is not None and root is not None:
            self.later = last.instructions(self.entries, closures)
            self.leaves = [(leaf, last.slots[leaf]) for leaf in last.leaves]
            self.dy = last.slots[root]
        fixed = {*constants, *externals, *returned, *(slot for _, slot in self.leaves)}
        let_go([*self.forward, *self.later], fixed)
        self.closures = set(closures.values())
        saved = {slot for number in (last.reached if last is not None else ()) for slot in self.entries[number].saved}
        self.saved_from_outside = sorted(slot for slot in saved if slot in externals or slot < self.arguments)
        self.capturing = Capturing(self) if recorder.on_gpu else None

    def new_slot(self) -> int:
        self.values.append(None)
        return len(self.values) - 1

    def still_holds(self) -> bool:
        """False if an attribute of a module is another one now, or the array of a tensor, or if one was frozen."""
        return self.modules.still_holds() and all(
            tensor._array is array and tensor.requires_grad == wanted for tensor, array, wanted, _ in self.externals
        )

    def run(self, args: Sequence[Any]) -> Any:
        """The step, once more."""
        try:
            return self.replay(args) if self.capturing is None else self.capturing.run(args)
        except MemoryError as error:
            raise explained_by_replay(error, args)  # noqa: B904 - the same one, or one that names its cause

    def values_with(self, args: Sequence[Any]) -> list[Any]:
        """The values of all slots before the first instruction."""
        values = self.values.copy()
        for slot, arg in enumerate(args):
            values[slot] = arg._array if isinstance(arg, Tensor) else arg
        return values

    def output_of(self, values: list[Any], args: Sequence[Any]) -> Any:
        """What the step returns, from the values after the last instruction."""
        handed_on = iter(self.handed_on)

        def tensor(slot: int) -> Tensor:
            itself = self.tensor(slot, values, args)
            return itself if next(handed_on) or not (slot < self.arguments or slot in self.outside) else itself.detach()

        return filled(self.output, tensor)

    def replay(self, args: Sequence[Any]) -> Any:
        """One instruction after the other."""
        values = self.values_with(args)
        source = self.buffers.take()
        execute(self.forward, values, args, source)
        output = self.output_of(values, args)
        if self.root is None:
            self.buffers.give_back(source)
        else:
            returned = [tensor for _, tensor in pairs(self.output, output)]
            for tensor in returned:
                source.escape(tensor._array)
            self.attach([returned[place] for place in self.rooted], values, args, source)
        return output

    def tensor(self, slot: int, values: list[Any], args: Sequence[Any]) -> Tensor:
        """The tensor of a slot: itself where it comes from outside, else a new one."""
        if slot < self.arguments:
            return args[slot]
        return self.outside[slot] if slot in self.outside else Tensor(values[slot])

    def attach(self, results: list[Tensor], values: list[Any], args: Sequence[Any], source: Log | Arena) -> None:
        """Make the whole step one node of the caller's graph, which made the results."""
        leaves = [self.tensor(leaf, values, args) for leaf, _ in self.leaves]
        saved = [self.tensor(slot, values, args) for slot in self.saved_from_outside]
        node = Node(
            "compiled",
            parents=tuple(leaf._node or leaf for leaf in leaves),
            inputs=tuple((leaf.shape, leaf.dtype) for leaf in leaves),
            backward=Later(self, values, args, source),
            saved=[Saved(f"a tensor of shape {tensor.shape} that it reads", tensor._storage) for tensor in saved],
        )
        for result in results:
            result._node = node


class Later:
    """The backward of a step that left it to its caller: `later(dy, needs)`, once."""

    def __init__(self, recording: Recording, values: list[Any], args: Sequence[Any], source: Log | Arena):
        self.recording = recording
        self.values: list[Any] | None = [
            value if slot in recording.closures else None for slot, value in enumerate(values)
        ]
        self.args = args
        self.source = source

    def __call__(self, dy: Array, needs: tuple[bool, ...]) -> tuple[Array | None, ...]:
        values, recording = self.values, self.recording
        if values is None:
            raise RuntimeError(
                "compiled: a second backward through a recorded step, which keeps nothing for it; call hybridize(False)"
            )
        self.values = None
        values[recording.dy] = dy
        execute(recording.later, values, self.args, self.source, len(recording.forward))
        sums: list[GradientSum | None] = [values[slot] for _, slot in recording.leaves]
        with served_by(self.source):
            gradients = tuple(None if total is None else kept(total) for total in sums)
        recording.buffers.give_back(self.source)
        return gradients


@contextmanager
def served_by(source: Log | Arena) -> Iterator[None]:
    """Inside the `with` block the kernels of this thread get their large buffers from `source`."""
    outer = memory.source.current
    memory.source.current = source
    try:
        yield
    finally:
        memory.source.current = outer


def execute(
    instructions: list[Instruction], values: list[Any], args: Sequence[Any], source: Log | Arena, number: int = 0
) -> None:
    """Run the instructions, the first of which has this number."""
    with served_by(source), np.errstate(all="ignore"):
        if isinstance(source, Log):
            for source.instruction, instruction in enumerate(instructions, number):
                instruction.run_at_home(values, args)
        elif "cupy" in sys.modules:
            for instruction in instructions:
                instruction.run_at_home(values, args)
        else:
            for instruction in instructions:
                instruction.run(values, args)


def filled(output: Any, tensor_of: Callable[[int], Tensor]) -> Any:
    """What a step returned, with tensors for slots."""
    if isinstance(output, int):
        return tensor_of(output)
    if isinstance(output, dict):
        return {key: filled(part, tensor_of) for key, part in output.items()}
    return None if output is None else type(output)(filled(part, tensor_of) for part in output)


def pairs(slots: Any, tensors: Any) -> Iterator[tuple[int, Tensor]]:
    """Each slot that a step returned, with its tensor."""
    if isinstance(slots, int):
        yield slots, tensors
    elif slots is not None:
        for key in slots if isinstance(slots, dict) else range(len(slots)):
            yield from pairs(slots[key], tensors[key])
