"""Who writes a graph while a network runs: each operation as its nodes, each write in place as a new name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import listening
from ..graph import no_grad
from ..nn import Module
from ..ops import inplace
from ..tensor import Tensor
from .graph import Graph
from .operators import OPERATORS

OVERWRITE = inspect.unwrap(inplace.overwrite_memory)


def recorded(
    model: Module, inputs: tuple[Tensor, ...], input_names: Sequence[str], output_names: Sequence[str]
) -> tuple[Graph, list[Tensor]]:
    """The graph of one forward pass in evaluation mode, and its outputs; buffers and modes are left as they were."""
    graph = Graph(taken=(*input_names, *output_names))
    graph.know_parameters({**dict(model.named_parameters()), **dict(model.named_buffers())})
    inputs = tuple(x.detach().clone() for x in inputs)
    for tensor, name in zip(inputs, input_names):
        graph.know(tensor, name)
        graph.follow(tensor._array)
    modes = [(module, module.training) for module in model.modules()]
    arrays = [(tensor, tensor._array) for tensor in (*model.parameters(), *model.buffers())]
    buffers = [(buffer._array, buffer._array.copy()) for buffer in model.buffers()]
    writer = Writer(graph)
    model.eval()
    try:
        with no_grad(), listening.listening(writer.operation, writer):
            output = model(*inputs)
        outputs = tensors_of(output, output_names)
        for tensor, name in zip(outputs, output_names):
            graph.add("Identity", tensor, output=name)
    finally:
        for module, was_training in modes:
            module.training = was_training
        for tensor, array in arrays:
            tensor._array = array
        for array, values in buffers:
            array[...] = values
    graph.check_parameters()
    return graph, outputs


def tensors_of(output: Any, names: Sequence[str]) -> list[Tensor]:
    """What a network returned, as a list; ValueError where that is no tensor, or not as many as there are names."""
    outputs = list(output) if isinstance(output, (tuple, list)) else [output]
    for value in outputs:
        if not isinstance(value, Tensor):
            raise ValueError(
                f"onnx.export: the model returned a {type(value).__name__}; return a tensor, or a tuple or list of them"
            )
    if len(outputs) != len(names):
        raise ValueError(f"onnx.export: the model has {len(outputs)} outputs but output_names are {tuple(names)}")
    return outputs


class Writer:
    """Hears of everything that a network does (`listening.Recorder`), and writes it into a graph."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def operation(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any
    ) -> None:
        """Add one operation of the engine to the graph."""
        if function is inplace.write:  # which has told of what it wrote to memory
            return
        name = function.__name__
        if name not in OPERATORS:
            raise ValueError(
                f"onnx.export: the operation {name} has no form in ONNX here; known are {', '.join(OPERATORS)}; "
                "compute it of these, or outside the network"
            )
        bound = inspect.signature(function).bind(*args, **options)
        bound.apply_defaults()
        first = result[0] if isinstance(result, tuple) else result
        output = OPERATORS[name](self.graph, SimpleNamespace(**bound.arguments, result=first))
        self.graph.know(first, output)
        self.note(args, result)

    def note(self, args: tuple[Any, ...], result: Any) -> None:
        """What comes of something that follows from the inputs follows from them too."""
        if not any(map(self.graph.follows, args)):
            return
        for value in result if isinstance(result, tuple) else (result,):
            if isinstance(value, (Tensor, np.ndarray)):
                self.graph.follow(value._array if isinstance(value, Tensor) else value)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any) -> None:
        """A write to the whole of a tensor gives it the value; one to a part leaves it without a name that holds."""
        if function is OVERWRITE:
            self.overwritten(*args)
        else:
            self.note((*args, *options.values()), result)

    def overwritten(self, target: Tensor, index: Any, value: Any) -> None:
        """target[index] = value"""
        name = self.written_whole(target, value) if is_whole(index) else None
        self.graph.written(target)
        if name is not None:
            self.graph.know(target, name)
        if self.graph.follows((index, value)):
            self.graph.follow(target._array)

    def written_whole(self, target: Tensor, value: Any) -> str | None:
        """The name of a value that fills a tensor, broadcast and in its dtype; None where it has none."""
        graph = self.graph
        if not isinstance(value, Tensor):
            value = np.asarray(value, target.dtype)
        elif not graph.knows(value):
            return None
        if value.ndim > target.ndim:
            return None
        fits = value.shape == target.shape
        value = graph.cast(value, target.dtype) if isinstance(value, Tensor) else graph.constant(value)
        name = value if isinstance(value, str) else graph.name_of(value)
        return name if fits else graph.add("Expand", name, list(target.shape))

    def refuse(self, what: str, instead: str, *read: Any) -> None:
        """ValueError where numbers are read that follow from the inputs."""
        for tensor in read:
            if isinstance(tensor, Tensor) and self.graph.looks_into(tensor):
                raise ValueError(
                    f"onnx.export: {what} reads a tensor of shape {tensor.shape} that follows from the inputs, and a "
                    "file cannot know what Python makes of it; compute with tensors, or outside the network"
                )

    def module(self, module: Any) -> None:
        """Modules are of no interest."""


def is_whole(index: Any) -> bool:
    """True for an index of all elements."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is ... or (isinstance(part, slice) and part == slice(None)) for part in parts)
