"""An ONNX graph while it is written: which memory holds which of its values."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor


class Value(NamedTuple):
    """A value of the graph, and the memory that it was seen in."""

    name: str
    array: np.ndarray  # kept alive, as ids of freed arrays come back
    contents: int  # the checksum of the memory then


class Graph:
    """Nodes and constants in the order in which a network computes.

    Every array that is seen gets a name: inputs those given to `know`, parameters their own, results one of their
    operation. The name is good as long as the array holds what it held then. Tensors that share one array object, as
    `x` and `x.detach()`, share its name.
    """

    def __init__(self, taken: Iterable[str] = ()):
        self.taken = set(taken)  # names that are in use, or reserved
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shapes: set[str] = set()  # those constants that are the new shape of a reshape
        self.values: dict[int, Value] = {}  # by the identity of the array
        self.stale: set[int] = set()  # arrays in whose memory something was written that the graph does not know
        self.following: dict[int, np.ndarray] = {}  # arrays that follow from the inputs, known or not
        self.parameters: dict[int, Value] = {}

    def know(self, tensor: Tensor, name: str) -> None:
        """From now on, the array of this tensor holds the value of this name."""
        array = tensor._array
        self.values[id(array)] = Value(name, array, checksum(array))
        self.stale.discard(id(array))

    def follow(self, array: np.ndarray) -> None:
        """What this array holds follows from the inputs."""
        self.following[id(array)] = array

    def follows(self, value: Any) -> bool:
        """True where a tensor, or array, or one in a list or tuple of them, follows from the inputs."""
        if isinstance(value, (tuple, list)):
            return any(map(self.follows, value))
        return id(value._array if isinstance(value, Tensor) else value) in self.following

    def looks_into(self, tensor: Tensor) -> bool:
        """True where the memory of a tensor holds something that follows from the inputs."""
        return any(np.may_share_memory(array, tensor._array) for array in self.following.values())

    def know_parameters(self, tensors: dict[str, Tensor]) -> None:
        """Parameters and buffers by name; those that the network uses become constants of the graph.

        They keep their names, but for one that is the name of an input or output.
        """
        for name, tensor in tensors.items():
            array = tensor._array
            self.parameters[id(array)] = Value(self.unique(name), array, checksum(array))

    def check_parameters(self) -> None:
        """ValueError where a parameter, which is a constant in a file, no longer holds what it did."""
        for name, array, contents in self.parameters.values():
            if checksum(array) != contents:
                raise ValueError(
                    f"onnx.export: forward() changes the parameter {name}, which is a constant in a file; compute a "
                    "new tensor instead, or change it before the export"
                )

    def knows(self, tensor: Tensor) -> bool:
        """True where the array of a tensor has, or had, a name."""
        return id(tensor._array) in self.values or id(tensor._array) in self.parameters

    def unique(self, name: str) -> str:
        """This name, or one like it where it is taken."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def name_of(self, value: Any) -> str:
        """The name of a tensor, or of the constant that a number, a list or an array becomes; "" for None."""
        if value is None:
            return ""
        if not isinstance(value, Tensor):
            return self.constant(value)
        place = id(value._array)
        known = self.values.get(place) or self.parameters.get(place)
        if known is None:
            raise ValueError(
                f"onnx.export: a tensor of shape {value.shape} was made inside forward() by something that is not "
                "recorded (a comparison, argmax, a new tensor or NumPy); register it as a buffer, or compute it with "
                "operations that have gradients"
            )
        if place in self.stale or checksum(value._array) != known.contents:
            raise ValueError(
                f"onnx.export: a tensor of shape {value.shape} was written to in place, in a part of it or through a "
                "view, which has no form in ONNX here; compute a new tensor instead, with cat(), say, or write to the "
                "whole of it"
            )
        if place not in self.values:
            self.constants[known.name] = known.array
            self.values[place] = known
        return known.name

    def written(self, tensor: Tensor) -> None:
        """The memory of a tensor was written to: whatever array shows a part of it has lost its name."""
        array = tensor._array
        for known in (*self.values.values(), *self.parameters.values()):
            if np.may_share_memory(known.array, array):
                self.stale.add(id(known.array))

    def initializers(self) -> list[Any]:
        """The constants that nodes use, as ONNX has them."""
        import onnx

        used = {name for node in self.nodes for name in node.input}
        return [
            onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
            for name, array in self.constants.items()
            if name in used
        ]

    def constant(self, value: Any) -> str:
        """Add a constant; Python floats are float32, ints int64."""
        array = np.array(value)
        if not isinstance(value, (np.ndarray, np.generic)):
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = self.unique(f"constant_{len(self.constants)}")
        self.constants[name] = array
        return name

    def add(self, operator: str, *inputs: Any, output: str | None = None, **attributes: Any) -> str:
        """Add a node; inputs are tensors, constants or names from an earlier `add`. Returns the name of its output.

        Attributes that are None are left out.
        """
        import onnx

        output = output or self.unique(f"{operator}_{len(self.nodes)}")
        names = [value if isinstance(value, str) else self.name_of(value) for value in inputs]
        while names and not names[-1]:
            names.pop()
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(onnx.helper.make_node(operator, names, [output], name=output, **given))
        return output

    def cast(self, value: Tensor, dtype: Any) -> Tensor | str:
        """A tensor in this dtype: itself where it has it, else the name of what becomes of it."""
        import onnx

        if value.dtype == dtype:
            return value
        return self.add("Cast", value, to=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, value: Any, shape: Sequence[int]) -> str:
        """A tensor in another shape, of which the batch may be a part."""
        if 0 in shape:
            raise ValueError(f"onnx.export: a reshape to {tuple(shape)}, without elements, has no form in ONNX here")
        name = self.constant(np.array(shape, np.int64))
        self.shapes.add(name)
        return self.add("Reshape", value, name)


def checksum(array: np.ndarray) -> int:
    """A number that differs where the contents of an array do."""
    return zlib.crc32(array.ravel(order="K").view(np.uint8).data)
