"""One graph from two: the network was run twice, with other values and other batches, and what is fixed must agree.

A number that differs between the runs follows from the images or from their count. The sizes of a reshape are written
so that they hold for every batch; anything else cannot stand in a file, and is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from .graph import Graph

OPEN, SAME = -1, 0  # sizes of ONNX's Reshape: what is left over, and that of the input at this place


def other_values(tensor: Tensor, rows: int | None) -> Tensor:
    """Another input of this kind: of `rows` rows, if that is not None, and with other numbers if it has fractions."""
    array = tensor.numpy()
    if rows is not None:
        array = array[np.arange(rows) % len(array)]
    return Tensor(np.flip(array) * array.dtype.type(0.75) if array.dtype.kind == "f" else array)


def agreed(first: Graph, second: Graph) -> None:
    """Make the first graph one that holds for both runs; ValueError for what differs."""
    if len(first.nodes) != len(second.nodes) or any(a != b for a, b in zip(first.nodes, second.nodes)):
        mine, theirs = next(
            ((a, b) for a, b in zip(first.nodes, second.nodes) if a != b), (first.nodes[-1], second.nodes[-1])
        )
        raise ValueError(
            f"onnx.export: run with other images, the network computes something else, {theirs.op_type} where it was "
            f"{mine.op_type} (or the same with other settings); a file holds one sequence of operations, so let Python "
            "decide nothing by the values or the number of images; dynamic_axes={} fixes the number"
        )
    parameters = {name for name, _ in first.parameters.values()}
    for place, (one, other) in enumerate(zip(first.initializers, second.initializers)):
        if one.name not in parameters and one != other:
            first.initializers[place] = for_both(first, second, one, other)


def for_both(first: Graph, second: Graph, one: Any, other: Any) -> Any:
    """The constant that holds for both graphs; ValueError if there is none."""
    from onnx.numpy_helper import from_array, to_array

    mine, theirs = to_array(one), to_array(other)
    if one.name in first.sizes and mine.shape == theirs.shape:
        sizes = open_sizes(mine, theirs, first.sizes[one.name], second.sizes[one.name])
        if sizes.count(OPEN) <= 1:
            return from_array(np.array(sizes, np.int64), one.name)
    user = next(node for node in first.nodes if one.name in node.input)
    raise ValueError(
        f"onnx.export: {user.op_type} got {short(mine)} in one run and {short(theirs)} in another, with other images; "
        "a file cannot hold a number that follows from the images or from how many they are; compute it with tensors "
        "(mean() rather than sum() / len(x)), or fix the batch with dynamic_axes={} if it is the number of images"
    )


def open_sizes(mine: Any, theirs: Any, before: tuple[int, ...], other_before: tuple[int, ...]) -> list[int]:
    """The sizes of a reshape: what both runs agree on, else that of the input at this place, else what is left over."""
    sizes = []
    for place, (size, other) in enumerate(zip(mine.tolist(), theirs.tolist())):
        if size == other:
            sizes.append(size)
        elif place < len(before) and (before[place], other_before[place]) == (size, other):
            sizes.append(SAME)
        else:
            sizes.append(OPEN)
    return sizes


def short(array: np.ndarray) -> str:
    """A constant in few words."""
    return str(array.tolist()) if array.size <= 4 else f"an array of shape {array.shape}"
