"""An ONNX graph while it is written: which tensor has which name there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor


class Graph:
    """Nodes and constants in the order in which a network computes.

    Every tensor that is seen gets a name: inputs and parameters those given to `know`, results one of their operation.
    """

    def __init__(self, batch: int):
        self.batch = batch
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[int, str] = {}
        self.known: list[Tensor] = []  # kept alive, as ids of freed tensors come back
        self.parameters: dict[int, tuple[str, Tensor]] = {}

    def know(self, tensor: Tensor, name: str) -> None:
        """From now on, this tensor is the value of this name."""
        self.names[id(tensor)] = name
        self.known.append(tensor)

    def know_parameters(self, tensors: dict[str, Tensor]) -> None:
        """Parameters and buffers by name; those that the network uses become constants of the graph."""
        self.parameters = {id(tensor): (name, tensor) for name, tensor in tensors.items()}

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
        return self.names[id(value)]

    def constant(self, value: Any, name: str | None = None) -> str:
        """Add a constant; Python floats are float32, ints int64."""
        import onnx

        array = np.asarray(value)
        if not isinstance(value, (np.ndarray, np.generic)):
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = name or f"constant_{len(self.initializers)}"
        self.initializers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node; inputs are tensors, constants or names from an earlier `add`. Returns the name of its output.

        Attributes that are None are left out.
        """
        import onnx

        output = f"{operator}_{len(self.nodes)}"
        names = [value if isinstance(value, str) else self.name_of(value) for value in inputs]
        while names and not names[-1]:
            names.pop()
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(onnx.helper.make_node(operator, names, [output], name=output, **given))
        return output
