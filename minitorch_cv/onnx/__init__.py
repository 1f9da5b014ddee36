"""Networks as ONNX files, which other runtimes carry out: `minitorch_cv.onnx.export(net, x, "net.onnx")`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from .. import listening
from ..graph import no_grad
from ..nn import Module
from ..ops import inplace
from ..tensor import Tensor
from .graph import Graph
from .operators import OPERATORS

OPSET = 18
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
    """Write `model` in evaluation mode as an ONNX file (opset 18), found by running it once on `args`.

    Parameters keep their names. The first axis, the batch, stays open under the name "batch" unless dynamic_axes says
    otherwise ({} fixes it); other axes cannot be left open. What the network decides in Python is fixed as it was on
    `args`. The names are those of torch.onnx.export.

    ImportError without the package onnx; ValueError for an operation, or a value made inside forward(), that has no
    form in ONNX.
    """
    onnx = import_onnx()
    inputs = tuple(x.detach() for x in (args if isinstance(args, tuple) else (args,)))  # told apart, even if the same
    open_axes = {name: {0: "batch"} for name in (*input_names, *output_names)} if dynamic_axes is None else dynamic_axes
    check_names(inputs, input_names, open_axes)
    graph = Graph(batch=len(inputs[0]) if any(open_axes.values()) else -1)
    graph.know_parameters({**dict(model.named_parameters()), **dict(model.named_buffers())})
    for tensor, name in zip(inputs, input_names):
        graph.know(tensor, name)
    outputs = run(model, inputs, graph)
    if len(outputs) != len(output_names):
        raise ValueError(f"onnx.export: the model has {len(outputs)} outputs but output_names are {output_names}")
    for tensor, name in zip(outputs, output_names):
        graph.nodes.append(onnx.helper.make_node("Identity", [graph.name_of(tensor)], [name], name=name))
    document = onnx.helper.make_graph(
        graph.nodes,
        type(model).__name__,
        [declared(onnx, tensor, name, open_axes) for tensor, name in zip(inputs, input_names)],
        [declared(onnx, tensor, name, open_axes) for tensor, name in zip(outputs, output_names)],
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


def run(model: Module, inputs: tuple[Tensor, ...], graph: Graph) -> list[Tensor]:
    """The outputs of the model, whose operations are written into the graph on the way."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad(), listening.listening(lambda *call: write(graph, *call)):
            output = model(*inputs)
    finally:
        for module, was_training in modes:
            module.training = was_training
    return list(output) if isinstance(output, (tuple, list)) else [output]


def write(
    graph: Graph, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any
) -> None:
    """Add one operation of the engine to the graph."""
    if function is inplace.write:  # the memory of the target now holds the value
        _, target, value = args
        graph.know(target, graph.name_of(value))
        return
    name = function.__name__
    if name not in OPERATORS:
        raise ValueError(
            f"onnx.export: the operation {name} has no form in ONNX here; known are {', '.join(OPERATORS)}"
        )
    bound = inspect.signature(function).bind(*args, **options)
    bound.apply_defaults()
    output = OPERATORS[name](graph, SimpleNamespace(**bound.arguments))
    graph.know(result[0] if isinstance(result, tuple) else result, output)


def declared(onnx: Any, tensor: Tensor, name: str, open_axes: Mapping[str, Mapping[int, str]]) -> Any:
    """Name, type and shape of an input or output."""
    axes = open_axes.get(name, {})
    shape = [axes.get(axis, size) for axis, size in enumerate(tensor.shape)]
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(tensor.dtype), shape)
