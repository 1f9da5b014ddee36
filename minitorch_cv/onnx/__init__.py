"""Networks as ONNX files, which other runtimes carry out: `minitorch_cv.onnx.export(net, x, "net.onnx")`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import listening
from ..graph import no_grad
from ..nn import Module
from ..ops import inplace
from ..tensor import Tensor
from .batch import agreed, other_values
from .graph import Graph
from .operators import OPERATORS

OPSET = 18
OVERWRITE = inspect.unwrap(inplace.overwrite_memory)
IR_VERSION = 10  # the file format that goes with this opset; newer ones are not read by older runtimes

__all__ = ["export"]


def export(
    model: Module,
    args: Tensor | tuple[Tensor, ...],
    f: str | os.PathLike[str],
    *,
    input_names: Sequence[str] = ("input",),
    output_names: Sequence[str] = ("output",),
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Write `model` in evaluation mode as an ONNX file (opset 18), found by running it on `args`.

    Parameters keep their names. The first axis, the batch, stays open under the name "batch" unless dynamic_axes says
    otherwise ({} fixes it); other axes cannot be left open. A second run, with other values and another number of
    images, shows what follows from them in Python and cannot stand in a file. The model and `args` are left as they
    were. The names are those of torch.onnx.export.

    ImportError without the package onnx; ValueError for an operation, an option of one, a write to a part of a tensor,
    or a value made inside forward(), that has no form in ONNX, and for numbers that differ between the two runs.
    """
    onnx = import_onnx()
    inputs = tuple(x.detach().clone() for x in (args if isinstance(args, tuple) else (args,)))
    open_axes = {name: {0: "batch"} for name in (*input_names, *output_names)} if dynamic_axes is None else dynamic_axes
    check_names(inputs, input_names, open_axes)
    rows = [2 * len(x) + 1 if open_axes.get(name) else None for x, name in zip(inputs, input_names)]
    others = tuple(other_values(x, count) for x, count in zip(inputs, rows))
    shapes = [tuple(x.shape) for x in others]
    graph, outputs = recorded(model, inputs, input_names, output_names)
    try:
        other, other_outputs = recorded(model, others, input_names, output_names)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"onnx.export: the network does not run on other images, of shape {', '.join(map(str, shapes))} ({error}); "
            "if it is made for one number of images, say so with dynamic_axes={}"
        ) from error
    agreed(graph, other)
    for tensor, name in zip(outputs, output_names):
        graph.nodes.append(onnx.helper.make_node("Identity", [graph.name_of(tensor)], [name], name=name))
    document = onnx.helper.make_graph(
        graph.nodes,
        type(model).__name__,
        [declared(onnx, *described, open_axes) for described in zip(inputs, others, input_names)],
        [declared(onnx, *described, open_axes) for described in zip(outputs, other_outputs, output_names)],
        graph.initializers,
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    written = onnx.helper.make_model(
        document, opset_imports=[opset], ir_version=IR_VERSION, producer_name="minitorch_cv"
    )
    onnx.checker.check_model(written)
    onnx.save(written, os.fspath(f))


def import_onnx() -> Any:
    """The package onnx; ImportError that says how to get it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError("onnx.export needs the package onnx; install it with: pip install onnx") from error
    return onnx


def check_names(inputs: tuple[Any, ...], names: Sequence[str], open_axes: Mapping[str, Mapping[int, str]]) -> None:
    """ValueError where inputs and names do not fit, or another axis than the first is to be left open."""
    if len(inputs) != len(names):
        raise ValueError(f"onnx.export: args has {len(inputs)} tensors but input_names are {tuple(names)}")
    for name, axes in open_axes.items():
        if set(axes) - {0}:
            raise ValueError(
                f"onnx.export: dynamic_axes of {name!r} is {dict(axes)}; only axis 0, the batch, can be open"
            )


def recorded(
    model: Module, inputs: tuple[Tensor, ...], input_names: Sequence[str], output_names: Sequence[str]
) -> tuple[Graph, list[Tensor]]:
    """The graph of one forward pass in evaluation mode, and its outputs; the model is left as it was."""
    graph = Graph(taken=(*input_names, *output_names))
    graph.know_parameters({**dict(model.named_parameters()), **dict(model.named_buffers())})
    inputs = tuple(x.clone() for x in inputs)
    for tensor, name in zip(inputs, input_names):
        graph.know(tensor, name)
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.numpy().copy()) for buffer in model.buffers()]
    writer = Writer(graph)
    model.eval()
    try:
        with no_grad(), listening.listening(writer.operation, writer):
            output = model(*inputs)
    finally:
        for module, was_training in modes:
            module.training = was_training
        for buffer, values in buffers:
            buffer.numpy()[...] = values
    outputs = list(output) if isinstance(output, (tuple, list)) else [output]
    if len(outputs) != len(output_names):
        raise ValueError(f"onnx.export: the model has {len(outputs)} outputs but output_names are {output_names}")
    for tensor in outputs:
        graph.name_of(tensor)
    return graph, outputs


class Writer:
    """Hears of everything that a network does (`listening.Recorder`), and writes it into a graph."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def operation(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any
    ) -> None:
        """Add one operation of the engine to the graph."""
        if function is inplace.write:  # the memory of the target now holds the value
            _, target, value = args
            self.graph.know(target, self.graph.name_of(self.graph.cast(value, target.dtype)))
            return
        name = function.__name__
        if name not in OPERATORS:
            raise ValueError(
                f"onnx.export: the operation {name} has no form in ONNX here; known are {', '.join(OPERATORS)}"
            )
        bound = inspect.signature(function).bind(*args, **options)
        bound.apply_defaults()
        first = result[0] if isinstance(result, tuple) else result
        output = OPERATORS[name](self.graph, SimpleNamespace(**bound.arguments, result=first))
        self.graph.know(first, output)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any) -> None:
        """A write to the whole of a tensor gives it the value; one to a part leaves it without a name that holds."""
        if function is not OVERWRITE or args[1] is not ...:
            return
        target, _, value = args
        old = self.graph.names.get(id(target), ("", 0))[0]
        if isinstance(value, Tensor) and value.shape == target.shape:
            new = self.graph.cast(value, target.dtype)
            self.graph.know(target, new if isinstance(new, str) else self.graph.name_of(new))
        elif old and isinstance(value, Tensor):
            self.graph.know(target, self.graph.add("Expand", self.graph.cast(value, target.dtype), self.shape(old)))
        elif old:
            number = np.asarray(value, target.dtype)
            self.graph.know(target, self.graph.add("Expand", number, self.shape(old)))

    def shape(self, name: str) -> str:
        """The shape of a value, as a value of the graph."""
        return self.graph.add("Shape", name)

    def module(self, module: Any) -> None:
        """Modules are of no interest."""

    def refuse(self, what: str, instead: str) -> None:
        """A number that is read out of a tensor may be a constant: whether it is shows the second run."""


def declared(onnx: Any, tensor: Tensor, other: Tensor, name: str, open_axes: Mapping[str, Mapping[int, str]]) -> Any:
    """Name, type and shape of an input or output; sizes that differ between two runs are open, under a name."""
    names = open_axes.get(name, {})
    shape = [
        size if size == other_size else names.get(axis, f"{name}_{axis}") if axis == 0 else f"{name}_{axis}"
        for axis, (size, other_size) in enumerate(zip(tensor.shape, other.shape, strict=True))
    ]
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(tensor.dtype), shape)
