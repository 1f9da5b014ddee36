"""Writing down what a step does while it runs eagerly.

Every value of the step has a number, its slot: the arguments come first, then what the step reads from outside
(parameters, buffers), plain options, and the results of the entries, in the order in which they turn up. An entry says
which function is called, on which slots, and which slots its results take.
"""

from __future__ import annotations

import inspect
import sys
import types
import weakref
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minitorch_kernels.arrays import is_cupy, is_on_gpu

from ..graph import Node
from ..ops import inplace
from ..tensor import Tensor
from .nesting import mapped

Parent = int | None  # the slot that a gradient goes to: the output of an entry, or a leaf
BACKWARD = inspect.unwrap(Tensor.backward)  # the function that `@told` tells of
OWN_PACKAGES = ("minitorch_cv", "minitorch_kernels")


class RecordingError(RuntimeError):
    """A step does something that cannot be recorded; the message says where, and what to do instead."""


@dataclass
class Entry:
    """One call: `results = function(*inputs)`, all of them slots.

    kind    "operation": a function on arrays that returns its output and how to go back (`ops/differentiable.py`).
            "call": a function marked `@told`, repeated as a whole; it gets tensors where it got tensors.
            "backward": `inputs[0].backward()`, with the cotangent inputs[1] where there are two.
    parents  for each input of an operation, the slot that its gradient goes to; None where no gradient is wanted.
    given    for each input, shape and dtype where it is a tensor; made: those of each result.
    saved   the inputs whose memory its backward needs as it was; tensors, the inputs that a call gets as tensors.
    """

    kind: str
    function: Callable[..., Any]
    inputs: tuple[int, ...]
    options: tuple[tuple[str, int], ...] = ()
    results: tuple[int, ...] = ()
    made: tuple[tuple[tuple[int, ...], Any], ...] = ()
    parents: tuple[Parent, ...] = ()
    given: tuple[tuple[tuple[int, ...], Any] | None, ...] = ()
    saved: tuple[int, ...] = ()
    tensors: tuple[int, ...] = ()
    where: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """What a reader knows the function as."""
        return self.function.__qualname__.rpartition("<locals>.")[2].strip("_")


class Recorder:
    """Hears of everything that a step does (`listening.Recorder`), and writes it down.

    modules: those that the step is a method of; those that it calls are added.
    """

    def __init__(self, args: tuple[Any, ...], modules: Iterable[Any] = ()):
        self.entries: list[Entry] = []
        self.arguments = len(args)
        self.args = args
        self.values: list[Any] = [None] * len(args)  # constants, by slot; None where a run has to fill in the value
        self.constants: dict[int, Any] = {}
        self.externals: dict[int, Tensor] = {}
        self.arrays: list[Any] = []  # of the externals, kept alive so that no other array can take their identity
        self.modules: dict[int, tuple[Any, bool]] = {id(module): (module, module.training) for module in modules}
        self.nodes: weakref.WeakKeyDictionary[Node, int] = weakref.WeakKeyDictionary()
        self.slots: dict[int, tuple[weakref.ref[Any], int]] = {}
        self.output: Any = None
        self.root: int | None = None  # the slot of the gradient that a later backward starts from
        self.rooted: list[int] = []  # which of the returned tensors, counted in order, have that gradient
        self.handed_on: list[bool] = []  # for each of them, whether it is an argument, or from outside, itself
        self.has_gpu_argument = any(isinstance(arg, Tensor) and is_on_gpu(arg._array) for arg in args)
        for slot, arg in enumerate(args):
            if isinstance(arg, Tensor):
                if id(arg._array) in self.slots:
                    raise RecordingError(f"argument {slot} is the same tensor as an earlier one; give it once")
                self.know(arg._array, slot)
                if arg._node is not None:
                    self.nodes[arg._node] = slot

    # -- what it hears -------------------------------------------------------------------------------------------------

    def operation(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any
    ) -> None:
        if function is inplace.write:
            return  # the value was computed by an operation and written by a call: both were told of
        node = (result[0] if isinstance(result, tuple) else result)._node
        entry = self.entry("operation", function, args, options)
        if node is not None:
            entry.parents = tuple(None if parent is None else self.parent_slot(parent) for parent in node.parents)
            memory = {saved.storage for saved in node.saved}
            tensors = zip(entry.inputs, args)
            entry.saved = tuple(slot for slot, t in tensors if isinstance(t, Tensor) and t._storage in memory)
        self.add(entry, result)
        if node is not None:
            self.nodes[node] = entry.results[0]

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any) -> None:
        if function is BACKWARD:
            self.backward(*args, **options)
            return
        entry = self.entry("call", function, args, options)
        given = [*zip(entry.inputs, args), *zip((slot for _, slot in entry.options), options.values())]
        entry.tensors = tuple(slot for slot, value in given if isinstance(value, Tensor))
        self.add(entry, result)
        made = result._node if isinstance(result, Tensor) else None
        if made is not None and made not in self.nodes:
            self.refuse(f"{entry.name}, which returns a tensor with a gradient,", "call it before the step")

    def module(self, module: Any) -> None:
        if has_hooks(module):
            self.refuse(f"a {type(module).__name__} with hooks", "remove them, or call hybridize(False)")
        self.modules[id(module)] = (module, module.training)

    def refuse(self, what: str, instead: str, *read: Any) -> None:
        raise self.error(what, instead)

    def error(self, what: str, instead: str) -> RecordingError:
        """What to raise for something that cannot be recorded."""
        return RecordingError(f"{user_line()}: {what} cannot be recorded: {instead}")

    @property
    def on_gpu(self) -> bool:
        """True where the step reads a tensor on a GPU."""
        return self.has_gpu_argument or any(is_on_gpu(tensor._array) for tensor in self.externals.values())

    # -- how it writes -------------------------------------------------------------------------------------------------

    def entry(self, kind: str, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Entry:
        """An entry that has no results yet."""
        return Entry(
            kind,
            function,
            inputs=tuple(self.slot_of(arg) for arg in args),
            options=tuple((name, self.slot_of(value)) for name, value in options.items()),
            given=tuple((arg.shape, arg.dtype) if isinstance(arg, Tensor) else None for arg in args),
            where=user_line(),
        )

    def add(self, entry: Entry, result: Any) -> None:
        """Append an entry, and give its results slots."""
        results = result if isinstance(result, tuple) else () if result is None else (result,)
        arrays = [value._array if isinstance(value, Tensor) else value for value in results]
        entry.results = tuple(self.know(array, self.new_slot(None)) for array in arrays)
        entry.made = tuple((np.shape(array), np.result_type(array)) for array in arrays)
        self.entries.append(entry)

    def backward(
        self, root: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """A backward; everything below the root must have been recorded, and nobody else wait for a gradient."""
        self.check_graph(root)
        inputs: tuple[int, ...] = (self.parent_slot(root._node),)
        if gradient is not None:
            inputs += (self.slot_of(gradient),)
        given = ((root.shape, root.dtype),)
        self.entries.append(Entry("backward", BACKWARD, inputs, given=given, where=user_line()))

    def check_graph(self, root: Tensor, arguments_too: bool = False) -> None:
        """RecordingError where a gradient would pass through what was not recorded.

        arguments_too: it may go on through arguments into the caller's graph.
        """
        if root._node is None:
            self.refuse("backward() of a tensor that no operation made", "call it outside the step")
        pending, seen = [root._node], set()
        while pending:
            node = pending.pop()
            if not isinstance(node, Node) or node in seen:
                continue
            seen.add(node)
            if arguments_too and self.nodes.get(node, self.arguments) < self.arguments:
                continue
            if node not in self.nodes or self.nodes[node] < self.arguments:
                self.refuse(
                    f"a gradient through {node.name}, which was not recorded in this step,",
                    "compute it inside the step from its arguments, without writes to views",
                )
            if node.hooks or node.retained is not None:
                self.refuse(f"a hook or retain_grad() on the result of {node.name}", "remove it")
            pending += node.parents

    def parent_slot(self, parent: Any) -> int:
        """The slot whose gradient a node, or a leaf, stands for."""
        if isinstance(parent, Node):
            if parent not in self.nodes:
                self.refuse(
                    f"the use of a tensor made by {parent.name} before the step, or by a write to a view,",
                    "make it inside the step and out of place, or detach() it",
                )
            return self.nodes[parent]
        slot = self.slot_of(parent)
        if slot in self.externals:
            known = self.externals[slot]
            if known is not parent and known.requires_grad:
                self.refuse("the use of two parameters over the same memory", "use one of them for both")
            self.externals[slot] = parent
        return slot

    def slot_of(self, value: Any) -> int:
        """The slot of a value: known, a tensor from outside, or a constant."""
        if not isinstance(value, Tensor) and not is_array(value):
            slot = self.new_slot(value)
            self.constants[slot] = value
            return slot
        array = value._array if isinstance(value, Tensor) else value
        if id(array) in self.slots:
            return self.slots[id(array)][1]
        if not isinstance(value, Tensor):
            raise self.error(
                f"an array of shape {array.shape} that NumPy made from values of the step", "compute it with tensors"
            )
        slot = self.know(array, self.new_slot(None))
        self.externals[slot] = value
        self.arrays.append(array)
        return slot

    def new_slot(self, value: Any) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def know(self, array: Any, slot: int) -> int:
        """From now on this array is the value of `slot`, as long as it lives; one that is known stays what it is."""
        key = id(array)

        def forget(ref: weakref.ref[Any]) -> None:
            if key in self.slots and self.slots[key][0] is ref:
                del self.slots[key]

        if is_array(array) and key not in self.slots:
            self.slots[key] = (weakref.ref(array, forget), slot)
        return slot

    def finish(self, output: Any) -> None:
        """Note what the step returns, by slot, and which of it a later backward starts from.

        A tensor that was written in place has the slot of its memory, and the gradient of the value written last.
        """
        returned: list[Tensor] = []

        def noted(tensor: Tensor) -> int:
            returned.append(tensor)
            slot = self.slot_of(tensor)
            self.handed_on.append(
                tensor is self.args[slot] if slot < self.arguments else tensor is self.externals.get(slot)
            )
            return slot

        self.output = mapped(output, noted, self.not_a_tensor)
        made_here = [self.made_here(tensor) for tensor in returned]
        roots: dict[Any, Tensor] = {tensor._node: tensor for tensor, made in zip(returned, made_here) if made}
        if len(roots) > 1:
            raise RecordingError(
                f"the step returned {len(roots)} tensors that require gradients, but a recorded step can have one such "
                "result, as it is one node of the graph: call backward() inside, or detach() the others"
            )
        for node, tensor in roots.items():
            self.check_graph(tensor, arguments_too=True)
            self.root = self.nodes[node]
            self.rooted = [place for place, made in enumerate(made_here) if made]
        self.check_written(roots)
        self.slots.clear()
        self.args = ()

    def made_here(self, tensor: Tensor) -> bool:
        """True for a tensor whose gradient goes through operations of the step; RecordingError if they are unknown."""
        node = tensor._node
        if node is None or node.backward is None or self.nodes.get(node, self.arguments) < self.arguments:
            return False
        self.check_graph(tensor, arguments_too=True)
        return True

    def check_written(self, roots: Container[Any]) -> None:
        """RecordingError for a tensor from outside that the step wrote with a gradient, unless it is returned."""
        for tensor in (*self.args, *self.externals.values()):
            node = tensor._node if isinstance(tensor, Tensor) else None
            if node is not None and node not in roots and self.nodes.get(node, -1) >= self.arguments:
                self.refuse(
                    f"{node.name} into a tensor of shape {tensor.shape} from outside the step, with a gradient,",
                    "return that tensor alone, or write to a clone() of it",
                )

    def not_a_tensor(self, value: Any) -> Any:
        if value is not None:
            raise RecordingError(
                f"the step returned a {type(value).__name__}, which a replay could not compute anew; "
                "return tensors, alone or in tuples, lists or dictionaries, or None"
            )

    def difference(self, other: Recorder) -> str | None:
        """What an other recording of the same step did differently, None if nothing."""
        for mine, theirs in zip(self.entries, other.entries):
            if mine != theirs:
                return f"{mine.where}: {mine.name} was called where another run called {theirs.name} ({theirs.where})"
            for slot in (*mine.inputs, *(slot for _, slot in mine.options)):
                if slot in self.constants and not same(self.constants[slot], other.constants[slot]):
                    values = f"{self.constants[slot]!r} and {other.constants[slot]!r}"
                    return f"{mine.where}: {mine.name} was called with different options in two runs, {values}"
                if slot in self.externals and self.externals[slot]._array is not other.externals[slot]._array:
                    return f"{mine.where}: {mine.name} uses {self.foreign(slot)}"
        if len(self.entries) != len(other.entries):
            return f"one run made {len(other.entries)} calls, another {len(self.entries)}"
        if repr(self.output) != repr(other.output):
            return "two runs returned different things"
        for slot, tensor in self.externals.items():
            if tensor._array is not other.externals[slot]._array:
                return f"the step returned {self.foreign(slot)}"
        return None

    def foreign(self, slot: int) -> str:
        """What is wrong with a tensor that came from nowhere."""
        return (
            f"a tensor of shape {self.externals[slot].shape} that is another one in each run and was made by nothing "
            "that is recorded; pass it as an argument, or make it before the step"
        )


def is_array(value: Any) -> bool:
    """True for an array of NumPy, CuPy, or the simulated GPU."""
    return isinstance(value, np.ndarray) or is_cupy(value)


def same(a: Any, b: Any) -> bool:
    """True for options that mean the same: one object, equal values, or sequences of such."""
    if a is b:
        return True
    if type(a) is not type(b) or isinstance(a, Tensor) or is_array(a):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, types.GeneratorType):
        return False
    return bool(a == b)


def has_hooks(module: Any) -> bool:
    """True where a user's functions are to be called before, after, or on the way back."""
    return bool(module._forward_pre_hooks or module._forward_hooks or module._backward_hooks)


def user_line() -> str:
    """File and line of the code that called into the engine."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in OWN_PACKAGES:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
