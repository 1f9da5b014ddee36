"""Views: tensors that show the memory of another one, their base, and whose history follows from the base's.

A recorded write, to the base or through a view, gives the base a new history, and makes that of all its views out of
date. A view gets its own anew when somebody asks for it: it is the part of the base, as the base is now, that it shows.
"""

from __future__ import annotations

import weakref
from typing import Any

from minitorch_kernels.arrays import Array, address_of, array_module, strided

from .graph import Node, shares_memory


class Part:
    """The part of a base that a view shows, found again in gradients of the base.

    A gradient is laid out in memory as the base is; there the view's address and strides lead to its elements.
    """

    def __init__(self, base: Array, view: Array):
        ends = [(size - 1) * step for size, step in zip(base.shape, base.strides)] if base.size else []
        low, self.itemsize = address_of(base) + sum(end for end in ends if end < 0), base.itemsize
        self.reach = sum(map(abs, ends)) // self.itemsize + 1
        self.whole = self.laid_out(base, low)
        self.part = self.laid_out(view, low)
        self.repeated = tuple(axis for axis, step in enumerate(view.strides) if step == 0 and view.shape[axis] > 1)

    def laid_out(self, array: Array, low: int) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        """Start, shape and strides of `array`, counted in elements from the lowest address of the base."""
        steps = tuple(step // self.itemsize for step in array.strides)
        return (address_of(array) - low) // self.itemsize, array.shape, steps

    def memory(self, like: Array) -> Array:
        """Zeros in the place of the base's memory."""
        return array_module(like).zeros(self.reach, like.dtype)

    def shown(self, memory: Array, layout: tuple[int, tuple[int, ...], tuple[int, ...]]) -> Array:
        """The elements of `memory` that an array of this layout has."""
        start, shape, steps = layout
        return strided(memory[start:], shape, tuple(step * memory.itemsize for step in steps))

    def cut_out(self, dy: Array) -> Array:
        """The gradient of the view's elements, from that of the base."""
        memory = self.memory(dy)
        self.shown(memory, self.whole)[...] = dy
        return self.shown(memory, self.part)

    def without(self, dy: Array) -> Array:
        """The gradient of the base with zeros where the view's elements are."""
        memory = self.memory(dy)
        dx = self.shown(memory, self.whole)
        dx[...] = dy
        self.shown(memory, self.part)[...] = 0
        return dx

    def put_back(self, dy: Array) -> Array:
        """The gradient of the base from that of the view, whose repeated elements (`expand`) add up."""
        memory = self.memory(dy)
        once = tuple(slice(0, 1) if axis in self.repeated else slice(None) for axis in range(dy.ndim))
        total = dy.sum(axis=self.repeated, keepdims=True) if self.repeated else dy
        self.shown(memory, self.part)[(*once, ...)] = total
        return self.shown(memory, self.whole)


def is_outdated(view: Any) -> bool:
    """True for a view whose base got another history since the view's was taken."""
    return view._base is not None and view._writes != view._base._writes


def can_follow(view: Any) -> bool:
    """True where a view that is out of date gets a new history."""
    return view._follows and shares_memory(view._base._array, view._array)


def follow(view: Any) -> None:
    """Give a view the history of what its part of the base is now."""
    base, old = view._base, view._made_by
    view._writes = base._writes
    view._made_by = None
    if base.requires_grad:
        part = Part(base._array, view._array)
        view._made_by = Node(
            "view",
            parents=(base._node or base,),
            inputs=((base.shape, base.dtype),),
            backward=lambda dy, needs: (part.put_back(dy),),
            saved=[],
        )
    if stop_retaining(view, old) and view._made_by is not None:
        view._made_by.retained = weakref.ref(view)


def stop_retaining(tensor: Any, node: Node | None) -> bool:
    """True after `retain_grad()`, which from now on means the gradient of the values after the write."""
    if node is None or node.retained is None or node.retained() is not tensor:
        return False
    node.retained = None
    return True
