"""What a network is made of: a row for each call of a module, with output shape, parameters and multiply-adds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import nn
from .creation import zeros
from .graph import no_grad, shares_memory
from .messages import width_of
from .nn.parameter import is_lazy
from .tensor import Tensor


@dataclass
class Row:
    """One call of a module, `depth` levels down in the network.

    parameters counts those of the module and all inside it. multiply_adds and activations, the bytes of new memory
    that outputs of modules without children take, are sums over all that was called inside.
    """

    name: str
    type: str
    depth: int
    is_leaf: bool
    repeated: bool
    output_shape: Any = None
    parameters: int = 0
    multiply_adds: int = 0
    activations: int = 0


@dataclass
class Summary:
    """The rows of a network, in the order of the calls, and their totals; `print` shows them as a table.

    Sizes are in bytes. multiply_adds counts the products with weights of convolutions and linear layers for the given
    input, and leaves out biases, normalisations, activations and pools.
    """

    rows: list[Row]
    trainable: int
    frozen: int
    input_bytes: int
    parameter_bytes: int
    depth: int = 3

    @property
    def parameters(self) -> int:
        """All numbers in the parameters, each counted once."""
        return self.trainable + self.frozen

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of one forward pass of the whole input."""
        return self.rows[0].multiply_adds

    @property
    def activation_bytes(self) -> int:
        """The memory of all layers' outputs together."""
        return self.rows[0].activations

    def __str__(self) -> str:
        from .summary_table import text

        return text(self, width_of(sys.stdout))

    __repr__ = __str__


def summary(
    model: nn.Module,
    input_size: Sequence[Any] | None = None,
    input_data: Any = None,
    depth: int = 3,
    mode: str = "eval",
    verbose: int | None = None,
) -> Summary:
    """The layers of `model` with output shapes, parameters and multiply-adds, found by running it once.

    input_size: the shape of the input, batch included, such as (1, 1, 28, 28), or a list of shapes for several inputs,
    which are then zeros; input_data: the inputs themselves, a tensor or a tuple of them. depth: how far down the
    table goes; all rows are kept. mode: "eval" or "train", in which the model runs; its state, buffers included, is
    afterwards what it was. verbose: 1 prints the table, 0 does not; None prints it in a script, and not where Python
    shows the value of an expression by itself.

    Names and look are those of the package torchinfo. ValueError for an unknown mode, or without an input.
    """
    if mode not in ("eval", "train"):
        raise ValueError(f"summary: mode={mode!r}; choose 'eval' or 'train'")
    inputs = given_inputs(input_size, input_data)
    rows = run(model, inputs, mode == "train")
    parameters = list(model.parameters())
    result = Summary(
        rows,
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        frozen=sum(p.numel() for p in parameters if not p.requires_grad),
        input_bytes=sum(bytes_of(x) for x in inputs),
        parameter_bytes=sum(bytes_of(p) for p in parameters),
        depth=depth,
    )
    if verbose or (verbose is None and not hasattr(sys, "ps1")):
        print(result)
    return result


def given_inputs(input_size: Sequence[Any] | None, input_data: Any) -> tuple[Any, ...]:
    """The inputs to run the model on."""
    if (input_size is None) == (input_data is None):
        raise ValueError("summary: give input_size, such as (1, 1, 28, 28), or input_data, and not both")
    if input_size is None:
        return tuple(input_data) if isinstance(input_data, (tuple, list)) else (input_data,)
    shapes = input_size if isinstance(input_size[0], Sequence) else [input_size]
    return tuple(zeros(*shape) for shape in shapes)


def run(model: nn.Module, inputs: tuple[Any, ...], training: bool) -> list[Row]:
    """A row for each call while the model runs on the inputs."""
    rows: list[Row] = []
    with mode_of(model, training), watched(model, rows), no_grad():
        model(*inputs)
    return rows


@contextmanager
def mode_of(model: nn.Module, training: bool) -> Any:
    """The model in training or evaluation mode; afterwards each module's mode and all buffers are as before."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers() if not is_lazy(buffer)]
    model.train(training)
    try:
        yield
    finally:
        for module, was_training in modes:
            module.training = was_training
        with no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


@contextmanager
def watched(model: nn.Module, rows: list[Row]) -> Any:
    """Hooks on every module that fill `rows` while the model is called."""
    calls: list[Row] = []  # those that have begun and not ended, the outermost first
    seen: set[nn.Module] = set()

    def begin(module: nn.Module, name: str) -> None:
        is_leaf = not any(True for _ in module.children())
        rows.append(Row(name, type(module).__name__, len(calls), is_leaf, module in seen))
        calls.append(rows[-1])
        seen.add(module)

    def end(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        row = calls.pop()
        row.parameters = sum(parameter.numel() for parameter in module.parameters())  # lazy ones have their shape now
        row.output_shape = shape_of(output)
        if row.is_leaf and isinstance(output, Tensor):
            row.multiply_adds = multiply_adds(module, args[0], output)
            row.activations = 0 if lies_in(args, output) else bytes_of(output)
        if calls:
            calls[-1].multiply_adds += row.multiply_adds
            calls[-1].activations += row.activations

    handles = []
    for path, module in model.named_modules():
        name = path.rpartition(".")[2]
        handles.append(module.register_forward_pre_hook(lambda m, args, name=name: begin(m, name), prepend=True))
        handles.append(module.register_forward_hook(end))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def multiply_adds(module: nn.Module, x: Tensor, y: Tensor) -> int:
    """How many products with a weight lead from x to y: each filter is applied once for each place of its map."""
    if isinstance(module, nn.Conv2d):
        return y.numel() // module.out_channels * module.weight.numel()
    if isinstance(module, nn.Linear):
        return y.numel() // module.out_features * module.weight.numel()
    return 0


def lies_in(args: tuple[Any, ...], output: Tensor) -> bool:
    """True for an output that is an input, written to or seen in another shape."""
    return any(isinstance(x, Tensor) and shares_memory(x._array, output._array) for x in args)


def shape_of(output: Any) -> Any:
    """The shape of a tensor as a list; of several, the list of theirs."""
    if isinstance(output, Tensor):
        return list(output.shape)
    if isinstance(output, (tuple, list)):
        return [shape_of(part) for part in output]
    return None


def bytes_of(x: Any) -> int:
    """The memory that the values of a tensor take."""
    return x.numel() * x.element_size() if isinstance(x, Tensor) else 0
