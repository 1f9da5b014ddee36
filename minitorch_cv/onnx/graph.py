"""An ONNX graph while it is written: which tensor has which name there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor


class Graph:
    """Nodes and constants in the order in which a network computes.

    Every tensor that is seen gets a name: inputs and parameters those given to `know`, results one of their operation.
    A name is good for the values that the tensor had then; once its memory is written to, it needs another.
    """

    def __init__(self, taken: Iterable[str] = ()):
        self.taken = set(taken)  # names that are in use, or reserved
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[int, tuple[str, int]] = {}  # by identity: the name, and the version of the memory it is of
        self.known: list[Tensor] = []  # kept alive, as ids of freed tensors come back
        self.parameters: dict[int, tuple[str, Tensor]] = {}
        self.sizes: dict[str, tuple[int, ...]] = {}  # for each constant that is a new shape, the shape it replaces

    def know(self, tensor: Tensor, name: str) -> None:
        """From now on, this tensor is the value of this name."""
        self.names[id(tensor)] = name, tensor._storage.version
        self.known.append(tensor)

    def know_parameters(self, tensors: dict[str, Tensor]) -> None:
        """Parameters and buffers by name; those that the network uses become constants of the graph.

        They keep their names, but for one that is the name of an input or output.
        """
        self.parameters = {id(tensor): (self.unique(name), tensor) for name, tensor in tensors.items()}

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
        if id(value) in self.parameters and id(value) not in self.names:
            name, tensor = self.parameters[id(value)]
            self.constant(tensor.detach().numpy(), name)
            self.know(tensor, name)
        if id(value) not in self.names:
            raise ValueError(
                f"onnx.export: a tensor of shape {value.shape} was made inside forward() by something that is not "
                "recorded (a comparison, argmax, a new tensor, .data or NumPy); register it as a buffer, or compute it "
                "with operations that have gradients"
            )
        name, version = self.names[id(value)]
        if version != value._storage.version:
            raise ValueError(
                f"onnx.export: a tensor of shape {value.shape} was written to in place, in a part of it or through a "
                "view, which has no form in ONNX here; compute a new tensor instead, with cat() or where(), say"
            )
        return name

    def constant(self, value: Any, name: str | None = None) -> str:
        """Add a constant; Python floats are float32, ints int64."""
        import onnx

        array = np.asarray(value)
        if not isinstance(value, (np.ndarray, np.generic)):
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = name or self.unique(f"constant_{len(self.initializers)}")
        self.initializers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node; inputs are tensors, constants or names from an earlier `add`. Returns the name of its output.

        Attributes that are None are left out.
        """
        import onnx

        output = self.unique(f"{operator}_{len(self.nodes)}")
        names = [value if isinstance(value, str) else self.name_of(value) for value in inputs]
        while names and not names[-1]:
            names.pop()
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(onnx.helper.make_node(operator, names, [output], name=output, **given))
        return output

    def cast(self, value: Any, dtype: Any, have: Any = None) -> Any:
        """A tensor in this dtype; `have`, if it is given by name, says which it has."""
        import onnx

        if (value.dtype if isinstance(value, Tensor) else have) == dtype:
            return value
        return self.add("Cast", value, to=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, value: Any, before: Sequence[int], after: Sequence[int]) -> str:
        """A tensor of the shape `before` in the shape `after`, of which the batch may be a part."""
        shape = self.constant(np.array(after, np.int64))
        self.sizes[shape] = tuple(before)
        return self.add("Reshape", value, shape)
