"""One graph from several: a network is run with other values and other batches, and what differs follows from them.

Each open axis is changed alone, then all are changed together. A constant that differs between the runs stands in the
file as what it is of the sizes, c + Σ a N with whole numbers a and c, which the last run must confirm. What is nothing
of the kind, and whatever else differs, cannot stand in a file and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor
from .graph import Graph

REST = -1  # in the shape of ONNX's Reshape: what is left over


class Run(NamedTuple):
    """The inputs of one run, and the size that each open axis has in it, by the name of the axis."""

    inputs: tuple[Tensor, ...]
    sizes: dict[str, int]


def planned(inputs: tuple[Tensor, ...], axes: Sequence[str | None]) -> list[Run]:
    """The run with `inputs`, then those that show what follows from them; `axes` name the open first axes."""
    first = {axis: len(x) for x, axis in zip(inputs, axes) if axis is not None}
    plans = [{**first, axis: 2 if size == 1 else 1} for axis, size in first.items()]
    plans.append({axis: 3 if size == 1 else size + 1 for axis, size in first.items()})
    others = [Run(tuple(other_values(x, sizes.get(a or "")) for x, a in zip(inputs, axes)), sizes) for sizes in plans]
    return [Run(inputs, first), *others]


def other_values(tensor: Tensor, rows: int | None) -> Tensor:
    """Another input of this kind: of `rows` rows, if that is not None, and with other numbers if it has fractions."""
    array = tensor.detach().numpy()
    if rows is not None:
        array = array[np.arange(rows) % len(array)]
    if array.dtype.kind != "f":
        return Tensor(np.flip(array).copy())
    if array.size and array.min() == array.max():
        return Tensor(np.linspace(0.25, 0.75, array.size, dtype=array.dtype).reshape(array.shape))
    return Tensor(np.flip(array) * array.dtype.type(0.75))


def agreed(graphs: Sequence[Graph], runs: Sequence[Run], sources: Mapping[str, str]) -> Graph:
    """The graph that holds for all runs; `sources` has an input for each open axis. ValueError for what differs."""
    first = graphs[0]
    for other in graphs[1:]:
        same_nodes(first, other)
    computed, first.nodes = first.nodes, []
    used = {name for node in computed for name in node.input}
    for name in [name for name in first.constants if name in used]:
        values = [graph.constants[name] for graph in graphs]
        if all(same(values[0], value) for value in values[1:]):
            continue
        if name in first.shapes and (shape := with_a_rest(values)) is not None:
            first.constants[name] = shape
        elif (terms := of_sizes(values, [run.sizes for run in runs])) is not None:
            del first.constants[name]
            write_sum(first, name, terms, values[0].dtype, sources)
        else:
            refuse(computed, name, values)
    first.nodes += computed
    return first


def same_nodes(first: Graph, other: Graph) -> None:
    """ValueError where two runs did not carry out the same operations."""
    if first.nodes == other.nodes:
        return
    pairs = zip(first.nodes, other.nodes)
    mine, theirs = next(((a, b) for a, b in pairs if a != b), (first.nodes[-1], other.nodes[-1]))
    raise ValueError(
        f"onnx.export: run with other images, the network computes something else, {theirs.op_type} where it was "
        f"{mine.op_type} (or the same with other settings); a file holds one sequence of operations, so let Python "
        "decide nothing by the values or the number of images; dynamic_axes={} fixes the number"
    )


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """True for equal bits."""
    return a is b or (a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def with_a_rest(shapes: list[np.ndarray]) -> np.ndarray | None:
    """The new shape of a reshape in which one size differs, which is whatever is left over; else None."""
    if len({shape.shape for shape in shapes}) > 1:
        return None
    differs = np.any(np.stack(shapes) != shapes[0], 0)
    return np.where(differs, REST, shapes[0]) if differs.sum() == 1 else None


def of_sizes(values: list[np.ndarray], sizes: list[dict[str, int]]) -> dict[str, np.ndarray] | None:
    """The factors a of each axis, and under "" the number c, with value = c + Σ a size in all runs; else None."""
    if len({value.shape for value in values}) > 1 or not all(map(is_whole, values)):
        return None
    whole = [value.astype(np.int64).astype(object) for value in values]  # Python's numbers, which do not overflow
    terms: dict[str, Any] = {}
    for changed, (axis, size) in enumerate(sizes[0].items(), 1):
        difference, step = whole[changed] - whole[0], sizes[changed][axis] - size
        if np.any(difference % step):
            return None
        terms[axis] = difference // step
    terms[""] = whole[0] - sum(terms[axis] * size for axis, size in sizes[0].items())
    if np.any(terms[""] + sum(terms[axis] * size for axis, size in sizes[-1].items()) != whole[-1]):
        return None
    return {axis: np.asarray(term, np.int64) for axis, term in terms.items()}


def is_whole(array: np.ndarray) -> bool:
    """True for whole numbers, as integers or as fractions that float64 holds exactly."""
    return array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and bool(np.all((np.abs(array) < 2**53) & (array == np.trunc(array))))
    )


def write_sum(g: Graph, name: str, terms: dict[str, np.ndarray], dtype: Any, sources: Mapping[str, str]) -> None:
    """Add nodes that compute c + Σ a size under this name."""
    import onnx

    total = g.constant(terms[""])
    for axis, source in sources.items():
        if np.any(terms[axis]):
            size = g.add("Squeeze", g.add("Shape", source, start=0, end=1), [0])
            total = g.add("Add", total, g.add("Mul", size, terms[axis]))
    g.add("Cast", total, output=name, to=onnx.helper.np_dtype_to_tensor_dtype(dtype))


def refuse(nodes: list[Any], name: str, values: list[np.ndarray]) -> None:
    """ValueError for a constant that differs between runs in a way that a file cannot follow."""
    user = next(node for node in nodes if name in node.input)
    other = next(value for value in values if not same(values[0], value))
    raise ValueError(
        f"onnx.export: {user.op_type} got {short(values[0])} in one run and {short(other)} in another, with other "
        "images; a file cannot hold a number that follows from the images, nor one that follows from how many they are "
        "other than in whole multiples; compute it with tensors, or fix the batch with dynamic_axes={} if it is the "
        "number of images"
    )


def short(array: np.ndarray) -> str:
    """A constant in few words."""
    return str(array.tolist()) if array.size <= 4 else f"an array of shape {array.shape}"
