"""A recorded step on a GPU: replayed once, then captured as a graph (`cuda/graph.py`), then launched.

A launch repeats what the GPU did, at the same addresses, and leaves Python out. So a call of the step copies its
arguments into the arrays that were captured, sees to what changes from call to call on the CPU (the numbers of an
optimizer's step, a schedule), launches, and hands out copies of the results. The gradients of parameters are the
captured arrays themselves: the next launch overwrites them.

What cannot be repeated that way is replayed instruction by instruction, as on the CPU; `why_not` says why.
"""

from __future__ import annotations

import inspect
import operator
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from minitorch_kernels import optimizer_step_cuda
from minitorch_kernels.arrays import Array, copied, is_on_gpu, on_gpu_of
from minitorch_kernels.cuda.graph import new_graph

from .. import creation
from ..graph import shares_memory
from ..ops import comparison, indexing, inplace, normalization, reduction
from ..tensor import Tensor
from .instructions import Call, Instruction, Receive
from .recording import RecordingError

if TYPE_CHECKING:
    from .replaying import Recording


def inner(function: Any) -> Callable[..., Any]:
    """The function that `@told` tells of."""
    return inspect.unwrap(function)


SET_GRAD = inner(Tensor._set_grad)
WRITES = {  # so many of the first inputs
    inner(inplace.overwrite_memory): 1,
    inner(normalization.move_towards): 1,
    inner(normalization.move_statistics): 2,
}
# Told functions that do nothing but work on arrays of the GPU. What draws random numbers on the CPU, sends something
# from there or looks at a number is not among them.
ON_DEVICE = {
    *WRITES,
    *map(inner, (inplace.old_values, indexing.index_array, reduction.any, reduction.all, reduction.arg)),
    *map(inner, (creation.zeros_like, creation.ones_like, creation.full_like, creation.empty_like)),
    *(inner(compare) for compare in vars(comparison).values() if hasattr(compare, "__wrapped__")),
}


def how_captured(function: Callable[..., Any]) -> str | None:
    """What `when_captured` says of a function; "device" for those above."""
    if function in ON_DEVICE:
        return "device"
    return "gradients" if function is SET_GRAD else getattr(function, "when_captured", None)


class Capturing:
    """The replays of one recording on a GPU."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.why_not = why_not(recording)
        self.cleared, self.instructions = cleared_first(recording)
        self.optimizers: list[Any] = [owner(call, recording) for call in calls(recording, "refreshed")]
        self.structure: list[Any] | None = None  # of the optimizers after the first replay, which may give them a state
        self.captured: Captured | None = None
        self.lock = threading.Lock()  # a graph has its arrays once

    @property
    def state(self) -> str:
        """What a reader of the plan wants to know."""
        if self.why_not:
            return f"replayed one by one: {self.why_not}"
        return "to be captured, in the fourth call" if self.captured is None else "captured, one launch for all"

    def run(self, args: Sequence[Any]) -> Any:
        """The step, once more."""
        with self.lock:
            if not self.why_not:
                for call in self.cleared:
                    call.run(self.recording.values, ())
                if not identical(self.structure_now(), self.structure):
                    self.captured = None
                    return self.replay_and_look(args)
                if self.captured is None:
                    return self.capture(args)
                if self.captured.serves():
                    return self.captured.run(args)
            return self.recording.replay(args)

    def structure_now(self) -> list[Any]:
        """What the launches of the optimizers depend on."""
        return [part for optimizer in self.optimizers for part in optimizer.structure()]

    def replay_and_look(self, args: Sequence[Any]) -> Any:
        """The first replay, or the first with other arrays: it loads every kernel, and notices what no graph can do."""
        recording = self.recording
        self.why_not = why_not_with(recording, args)
        values = recording.values_with(args)
        with np.errstate(all="ignore"):
            for instruction in recording.forward:
                self.why_not = self.why_not or why_not_write(instruction, values, args)
                instruction.run_at_home(values, args)
                self.why_not = self.why_not or why_not_results(instruction, values)
        self.structure = self.structure_now()
        return recording.output_of(values, args)

    def capture(self, args: Sequence[Any]) -> Any:
        """The second replay."""
        try:
            self.captured = Captured(self.recording, self.instructions, args)
        except Exception as error:
            self.why_not = str(error)
            raise
        return self.captured.output(args)


class Captured:
    """A graph of the step, and what a launch of it takes besides."""

    def __init__(self, recording: Recording, instructions: list[Instruction], args: Sequence[Any]):
        self.recording = recording
        leaves = watched(recording)
        self.inputs = [(slot, copied(arg._array, "K")) for slot, arg in enumerate(args) if isinstance(arg, Tensor)]
        given = list(args)
        for slot, array in self.inputs:
            given[slot] = Tensor(array)
        self.grads_before = [(leaf, leaf._grad, None if leaf._grad is None else leaf._grad._array) for leaf in leaves]
        tensors = {id(tensor._storage): tensor._storage for tensor in (*leaves, *recording.outside.values())}
        versions = {key: storage.version for key, storage in tensors.items()}
        self.on_host: list[Callable[[], Any]] = []  # what is called before each launch
        self.values = recording.values_with(given)
        self.graph = new_graph(next(array for _, array in self.arrays()))
        try:
            with np.errstate(all="ignore"), self.graph.capturing():
                for instruction in instructions:
                    self.capture(instruction, given)
        except BaseException:
            for leaf, grad, _ in self.grads_before:
                leaf._grad = grad
            raise
        made_here = recording.returned - recording.outside.keys() - set(range(recording.arguments))
        self.values = [value if slot in made_here else None for slot, value in enumerate(self.values)]
        before = {id(grad) for _, grad, _ in self.grads_before}
        self.grads_after = [(leaf, leaf._grad) for leaf in leaves]
        made = [grad for _, grad in self.grads_after if grad is not None and id(grad) not in before]
        for grad in made:
            grad._array = self.graph.lent(grad._array)
        self.written = [s for key, s in tensors.items() if s.version != versions[key]] + [g._storage for g in made]

    def arrays(self) -> Iterable[tuple[int, Array]]:
        """The arrays of the step that lie on its GPU."""
        outside = ((slot, tensor._array) for slot, tensor in self.recording.outside.items())
        return chain(self.inputs, outside)

    def capture(self, instruction: Instruction, args: Sequence[Any]) -> None:
        """Run one instruction into the graph, and note what is to be done for it before each launch."""
        how = how_captured(instruction.function) if isinstance(instruction, Call) else None
        numbers = Refreshed(owner(instruction, self.recording)) if how == "refreshed" else None
        if how == "host":
            self.on_host.append(lambda: instruction.run(self.recording.values, ()))
        try:
            if numbers is None:
                instruction.run(self.values, args)
            else:
                self.on_host.append(numbers)
                with optimizer_step_cuda.captured(numbers.launches):
                    instruction.run(self.values, args)
        except Exception as error:
            entry = getattr(instruction, "entry", None)
            raise RecordingError(
                f"{entry.where if entry else 'compiled'}: {instruction.name} cannot be captured: {error}. "
                "Do it outside the step; later calls are replayed without a graph"
            ) from error

    def serves(self) -> bool:
        """True where each leaf has the gradient it had then: none, or the same array; and no hook waits for one."""
        return all(
            leaf._grad is grad and (grad is None or grad._array is array) and not leaf._leaf_hooks
            for leaf, grad, array in self.grads_before
        )

    def run(self, args: Sequence[Any]) -> Any:
        """Launch the graph for these arguments."""
        for slot, array in self.inputs:
            with on_gpu_of((array,)):
                array[...] = args[slot]._array
        for call in self.on_host:
            call()
        self.graph.launch()
        for storage in self.written:
            storage.version += 1
        for leaf, grad in self.grads_after:
            leaf._grad = grad
        return self.output(args)

    def output(self, args: Sequence[Any]) -> Any:
        """What the step returns, in memory of its own."""
        values = [None if value is None else copied(value, "K") for value in self.values]
        return self.recording.output_of(values, args)


class Refreshed:
    """The step of an optimizer in a graph: its launches are repeated, with numbers that are written here."""

    def __init__(self, optimizer: Any):
        self.optimizer = optimizer
        self.grads = [(param, param._grad) for param in parameters_of(optimizer)]
        self.launches: list[optimizer_step_cuda.Numbers] = []
        self.options = optimizer.options()
        self.counted = optimizer.counted()

    def __call__(self) -> None:
        options = self.optimizer.options()
        if options == self.options and not self.counted:
            return
        self.options = options
        for param, grad in self.grads:
            param._grad = grad
        with optimizer_step_cuda.refreshed(self.launches):
            self.optimizer.refresh()


# What keeps a recording from being captured: "" for nothing.


def why_not(recording: Recording) -> str:
    """What is known from the recording itself."""
    if recording.root is not None:
        return "its result waits for a backward; call backward() inside the step"
    for step in recording.forward:
        if isinstance(step, Call):
            reason = why_not_call(step, recording)
            if reason:
                return f"{step.entry.where}: {step.name} {reason}"
    return ""


def why_not_call(call: Call, recording: Recording) -> str:
    """What speaks against one call."""
    how = how_captured(call.function)
    if how is None:
        return "needs the CPU"
    if call.function is SET_GRAD and owner(call, recording) is None:
        return "is called on a tensor of the step"
    if how == "refreshed" and (len(call.reads) > 1 or owner(call, recording).counted() is None):
        return f"of {type(owner(call, recording)).__name__} is one that a graph cannot repeat"
    return ""


def why_not_with(recording: Recording, args: Sequence[Any]) -> str:
    """What is known from the arguments, and what else the step reads."""
    tensors = [*(arg for arg in args if isinstance(arg, Tensor)), *recording.outside.values()]
    places = {str(tensor.device) for tensor in tensors}
    if len(places) > 1:
        return f"it reads tensors on {' and '.join(sorted(places))}"
    if any(tensor._leaf_hooks for tensor in tensors):
        return "a hook waits for the gradient of a parameter"
    return "an argument requires a gradient" if any(getattr(arg, "requires_grad", False) for arg in args) else ""


def why_not_write(instruction: Instruction, values: list[Any], args: Sequence[Any]) -> str:
    """A graph would write to a copy of the argument."""
    if not isinstance(instruction, Call):
        return ""
    written = instruction.entry.inputs[: WRITES.get(instruction.function, 0)]
    arrays = [instruction.given(slot, values, args)._array for slot in written if slot in instruction.tensors]
    theirs = [arg._array for arg in args if isinstance(arg, Tensor)]
    hit = any(shares_memory(target, array) for target in arrays for array in theirs)
    return f"{instruction.entry.where}: it writes into an argument" if hit else ""


def why_not_results(instruction: Instruction, values: list[Any]) -> str:
    """What is computed on the CPU would be computed once."""
    here = any(isinstance(values[slot], np.ndarray) and not is_on_gpu(values[slot]) for slot in instruction.writes)
    return f"{instruction.name} has a result on the CPU" if here else ""


# Whom the calls of a recording are made on.


def calls(recording: Recording, how: str) -> list[Call]:
    """The calls that are captured in one way."""
    return [step for step in recording.forward if isinstance(step, Call) and how_captured(step.function) == how]


def owner(call: Any, recording: Recording) -> Any:
    """The object whose method is called, an optimizer for instance."""
    slot = call.entry.inputs[0]
    return recording.outside.get(slot, recording.values[slot])


def parameters_of(whose: Any) -> list[Tensor]:
    """The parameters of an optimizer or a module; a tensor stands for itself."""
    if isinstance(whose, Tensor):
        return [whose]
    if hasattr(whose, "param_groups"):
        return [param for group in whose.param_groups for param in group["params"]]
    return list(whose.parameters())


def watched(recording: Recording) -> list[Tensor]:
    """All tensors whose `grad` the step sets or reads."""
    leaves = [leaf for step in recording.forward if isinstance(step, Receive) for leaf, _, _ in step.leaves]
    owners = [owner(call, recording) for how in ("gradients", "refreshed") for call in calls(recording, how)]
    theirs = [param for whose in owners for param in parameters_of(whose)]
    return list({id(tensor): tensor for tensor in (*leaves, *theirs) if tensor is not None}.values())


def cleared_first(recording: Recording) -> tuple[list[Call], list[Instruction]]:
    """The calls that forget gradients before anything touches one, and the other instructions.

    These are made on the CPU before each launch: whatever the gradients were, the graph finds none.
    """
    first: list[Call] = []
    others: list[Instruction] = []
    for position, step in enumerate(recording.forward):
        how = how_captured(step.function) if isinstance(step, Call) else None
        if isinstance(step, Receive) or how == "refreshed":
            return first, [*others, *recording.forward[position:]]
        if isinstance(step, Call) and how == "gradients":
            if not all(recording.values[slot] for slot in step.reads[1:]):  # set_to_none=False, or a tensor's own grad
                return first, [*others, *recording.forward[position:]]
            first.append(step)
        else:
            others.append(step)
    return first, others


def identical(a: list[Any], b: list[Any] | None) -> bool:
    """True for the very same objects in the same order."""
    return b is not None and len(a) == len(b) and all(map(operator.is_, a, b))
