"""The graph behind a tensor: which operation made it, and how gradients flow back through it."""

from __future__ import annotations

import functools
import heapq
import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module, copied, is_writable, on_gpu_of
from minitorch_kernels.scoped import scoped

from .out_of_memory import explained_by_node

_creation_order = itertools.count()


class Storage:
    """What all tensors over the same memory share: how often it was written."""

    __slots__ = ("version",)

    def __init__(self) -> None:
        self.version = 0


class Saved:
    """A promise that the memory an operation kept for its backward is still as it was."""

    __slots__ = ("label", "storage", "version")

    def __init__(self, label: str, storage: Storage):
        self.label = label
        self.storage = storage
        self.version = storage.version


class Node:
    """One recorded operation.

    `backward(dy, needs)` turns the gradient of the output into one gradient (or None) for each input; `parents` holds,
    for each argument, the Node that made it, the leaf tensor itself, or None where no gradient is wanted.
    """

    __slots__ = ("__weakref__", "backward", "hooks", "inputs", "name", "needs", "order", "parents", "retained", "saved")

    def __init__(
        self,
        name: str,
        parents: tuple[Any, ...],
        inputs: tuple[tuple[tuple[int, ...], Any] | None, ...],
        backward: Callable[[Array, tuple[bool, ...]], tuple[Array | None, ...]],
        saved: list[Saved],
    ):
        self.name = name
        self.parents = parents
        self.inputs = inputs
        self.backward: Callable[..., Any] | None = backward
        self.saved = saved
        self.needs = tuple(parent is not None for parent in parents)
        self.order = next(_creation_order)
        self.hooks: dict[int, Callable[[Array], Array]] = {}
        self.retained: weakref.ref[Any] | None = None

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes (or leaf tensors) of the inputs, in torch's form."""
        return tuple((parent, 0) for parent in self.parents)

    def gradients(self, dy: Array) -> tuple[Array | None, ...]:
        """The gradients of the inputs, in the shape and dtype of each input."""
        if self.backward is None:
            raise RuntimeError(
                f"{self.name}: backward through a graph that was freed by an earlier backward; "
                "pass retain_graph=True to the earlier call, or run the forward pass again"
            )
        for saved in self.saved:
            if saved.storage.version != saved.version:
                raise RuntimeError(
                    f"{self.name}: {saved.label} was changed in place after the forward pass (written "
                    f"{saved.storage.version - saved.version} time(s) since) but its old values are needed for the "
                    "gradient; write out of place, or clone() it before the write"
                )
        gradients = self.backward(dy, self.needs)
        # Only leading arguments are tensors; plain options may have followed them.
        return tuple(
            checked(self.name, i, gradients[i], self.inputs[i]) if wanted else None
            for i, wanted in enumerate(self.needs)
        )

    def release(self) -> None:
        """Drop what the backward kept."""
        self.backward = None
        self.saved = []

    def __repr__(self) -> str:
        return f"<{self.name}>"


def checked(name: str, position: int, dx: Array | None, expected: Any) -> Array | None:
    """`dx` in the dtype of its input; a gradient of another shape is a mistake in the operation."""
    if dx is None:
        return None
    shape, dtype = expected
    if dx.shape != shape:
        raise RuntimeError(f"{name}: its backward returned shape {dx.shape} for input {position} of shape {shape}")
    return dx if dx.dtype == dtype else dx.astype(dtype)


after_backward: list[Callable[[], None]] = []  # who waits for gradients; each takes itself off the list when called


def ends_with_callbacks(backward: Callable[..., None]) -> Callable[..., None]:
    """Call those in `after_backward` when `backward` is done; a recording repeats their calls as calls of their own."""

    @functools.wraps(backward)
    def call(*args: Any, **options: Any) -> None:
        backward(*args, **options)
        for callback in tuple(after_backward):
            callback()

    return call


@np.errstate(all="ignore")
def backpropagate(root: Node, gradient: Array, retain_graph: bool) -> None:
    """Carry `gradient` from `root` to every leaf below it.

    Inputs exist before outputs, so visiting nodes in falling order of creation is a topological order: by the time a
    node is reached, all that use it have been. No recursion, so the depth of a graph does not matter.
    """
    sums: dict[Node, GradientSum] = {root: GradientSum()}
    sums[root].add(gradient, fresh=False)
    leaves: dict[int, tuple[Any, GradientSum]] = {}
    queue = [(-root.order, root)]
    while queue:
        _, node = heapq.heappop(queue)
        dy = sums.pop(node).total
        with on_gpu_of((dy,)):
            for hook in list(node.hooks.values()):
                dy = hook(dy)
            retained = node.retained() if node.retained is not None else None
            if retained is not None:
                retained._accumulate_grad(dy.copy())
            try:
                gradients = node.gradients(dy)
            except MemoryError as error:
                raise explained_by_node(error, node)  # noqa: B904 - the same one, or one that names its cause
        if not retain_graph:
            node.release()
        for position, (parent, dx) in enumerate(zip(node.parents, gradients)):
            if parent is None or dx is None:
                continue
            fresh = is_fresh(gradients, position, dy)
            if isinstance(parent, Node):
                if parent not in sums:
                    sums[parent] = GradientSum()
                    heapq.heappush(queue, (-parent.order, parent))
                sums[parent].add(dx, fresh)
            else:
                leaves.setdefault(id(parent), (parent, GradientSum()))[1].add(dx, fresh)
        del gradients, dy
    for leaf, total in leaves.values():
        leaf._receive_grad(total.total if total.fresh else copied(total.total))


class GradientSum:
    """The sum of the gradients that reach one tensor; writes only to memory that nobody else holds."""

    __slots__ = ("fresh", "total")

    def __init__(self) -> None:
        self.total: Any = None
        self.fresh = False

    def add(self, gradient: Array, fresh: bool) -> None:
        if self.total is None:
            self.total, self.fresh = gradient, fresh
        elif self.fresh:
            kernels.add_into(self.total, gradient)
        elif fresh:
            kernels.add_into(gradient, self.total)
            self.total, self.fresh = gradient, True
        else:
            self.total, self.fresh = kernels.add(self.total, gradient), True


def is_fresh(gradients: Sequence[Array], position: int, dy: Array) -> bool:
    """True where this gradient is memory of its own: writable, and no part of `dy` or of another gradient."""
    dx = gradients[position]
    others = (dy, *gradients[:position], *gradients[position + 1 :])
    return is_writable(dx) and not any(shares_memory(dx, other) for other in others if other is not None)


def shares_memory(a: Array, b: Array) -> bool:
    """True where two arrays may overlap in memory (compared by their bounds, which is cheap)."""
    library = array_module(a)
    return library is array_module(b) and library.may_share_memory(a, b)


class _Mode(threading.local):
    enabled = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """True where operations are recorded."""
    return _mode.enabled


class set_grad_enabled:
    """Record operations, or not: takes effect at once, in a `with` statement until it ends, as a decorator in calls."""

    def __init__(self, mode: bool):
        self.mode = mode
        self.previous = _mode.enabled
        _mode.enabled = mode

    def __enter__(self) -> None:
        _mode.enabled = self.mode

    def __exit__(self, *exc: object) -> None:
        _mode.enabled = self.previous

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        _mode.enabled = self.previous
        return scoped(function, lambda: set_grad_enabled(self.mode))


class _GradMode:
    """A `with` block or decorator (`@no_grad()` or `@no_grad`); one instance can be nested and used again."""

    mode: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        self.previous: list[bool] = []

    def __enter__(self) -> None:
        self.previous.append(_mode.enabled)
        _mode.enabled = self.mode

    def __exit__(self, *exc: object) -> None:
        _mode.enabled = self.previous.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return scoped(function, type(self))


class no_grad(_GradMode):
    """Operations inside are not recorded: no gradient flows through them."""

    mode = False


class enable_grad(_GradMode):
    """Operations inside are recorded, also within a `no_grad` block."""

    mode = True
