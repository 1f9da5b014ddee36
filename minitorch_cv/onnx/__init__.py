"""Networks as ONNX files, which other runtimes carry out: `minitorch_cv.onnx.export(net, x, "net.onnx")`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..nn import Module
from ..tensor import Tensor
from .batch import agreed, planned
from .writer import recorded

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
    """Write `model` in evaluation mode as an ONNX file (opset 18), found by running it on `args`.

    Parameters keep their names, but for one that is the name of an input or output. The first axis, the batch, stays
    open under the name "batch" unless dynamic_axes says otherwise ({} fixes it); other axes cannot be left open. More
    runs, with other values and numbers of images, show what follows from them. Modes, buffers and `args` are left as
    they were. The names are those of torch.onnx.export.

    ImportError without the package onnx; ValueError for what has no form in ONNX: an operation, an option or dtype of
    one, a write to a part of a tensor, a value made or read by Python inside forward(), a number that differs between
    the runs other than in whole multiples of the batch.
    """
    onnx = import_onnx()
    inputs = args if isinstance(args, tuple) else (args,)
    check_inputs(inputs)
    open_axes = {name: {0: "batch"} for name in (*input_names, *output_names)} if dynamic_axes is None else dynamic_axes
    check_names(inputs, input_names, output_names, open_axes)
    axes = open_axes_of(inputs, input_names, open_axes)
    runs = planned(inputs, axes)
    records = [recorded(model, inputs, input_names, output_names)]
    for run in runs[1:]:
        try:
            records.append(recorded(model, run.inputs, input_names, output_names))
        except Exception as error:
            if str(error).startswith("onnx.export:"):
                raise
            shapes = ", ".join(str(x.shape) for x in run.inputs)
            raise ValueError(
                f"onnx.export: the network does not run on other images, of shape {shapes} ({error}); if it is made "
                "for one number of images, say so with dynamic_axes={}"
            ) from error
    sources = {axis: name for axis, name in zip(axes, input_names) if axis is not None}
    graph = agreed([graph for graph, _ in records], runs, sources)
    sizes = [run.sizes for run in runs]
    seen_inputs, seen_outputs = zip(*(run.inputs for run in runs)), zip(*(outputs for _, outputs in records))
    written = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            type(model).__name__,
            [declared(onnx, tensors, name, sizes) for tensors, name in zip(seen_inputs, input_names)],
            [declared(onnx, tensors, name, sizes) for tensors, name in zip(seen_outputs, output_names)],
            graph.initializers(),
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="minitorch_cv",
    )
    check(onnx, written)
    onnx.save(written, os.fspath(f))


def check(onnx: Any, written: Any) -> None:
    """ValueError where the nodes do not fit together, in the dtypes that they take above all."""
    try:
        onnx.checker.check_model(written, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError(
            "onnx.export: an operation has no form in ONNX for what it gets, a dtype most likely; convert before it, "
            f"with .float(), say: {error}"
        ) from error


def check_inputs(inputs: tuple[Any, ...]) -> None:
    """ValueError where an input is no tensor, or not where NumPy can read it."""
    for place, value in enumerate(inputs):
        if not isinstance(value, Tensor):
            raise ValueError(f"onnx.export: args[{place}] is a {type(value).__name__}; give tensors, in a tuple")
        if value.device.type != "cpu":
            raise ValueError(f"onnx.export: args[{place}] is on {value.device}; move it, and the model, with .cpu()")


def import_onnx() -> Any:
    """The package onnx; ImportError that says how to get it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError("onnx.export needs the package onnx; install it with: pip install onnx") from error
    return onnx


def check_names(
    inputs: tuple[Any, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    open_axes: Mapping[str, Mapping[int, str]],
) -> None:
    """ValueError where inputs and names do not fit, or another axis than the first is to be left open."""
    names = (*input_names, *output_names)
    if len(inputs) != len(input_names):
        raise ValueError(f"onnx.export: args has {len(inputs)} tensors but input_names are {tuple(input_names)}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"onnx.export: the name {twice[0]!r} is given twice in input_names and output_names")
    for name, axes in open_axes.items():
        if name not in names:
            raise ValueError(f"onnx.export: dynamic_axes has {name!r}, which is none of the names {names}")
        if not isinstance(axes, Mapping) or set(axes) - {0}:
            raise ValueError(
                f"onnx.export: dynamic_axes of {name!r} is {axes}; only axis 0, the batch, can be open: {{0: 'batch'}}"
            )


def open_axes_of(
    inputs: tuple[Tensor, ...], names: Sequence[str], open_axes: Mapping[str, Mapping[int, str]]
) -> list[str | None]:
    """The name of the open first axis of each input, None where it is fixed; ValueError where sizes do not fit."""
    axes = [open_axes.get(name, {}).get(0) if x.ndim else None for x, name in zip(inputs, names)]
    sizes: dict[str, tuple[str, int]] = {}
    for x, name, axis in zip(inputs, names, axes):
        if axis is None:
            continue
        other, size = sizes.setdefault(axis, (name, len(x)))
        if size != len(x) or not size:
            raise ValueError(
                f"onnx.export: the axis {axis!r} has {len(x)} rows in {name!r} and {size} in {other!r}; it needs as "
                "many in all, and at least one; dynamic_axes says which inputs have an open axis, and how it is called"
            )
    return axes


def declared(onnx: Any, tensors: Sequence[Tensor], name: str, sizes: Sequence[Mapping[str, int]]) -> Any:
    """Name, type and shape of an input or output, which the runs had as `tensors`; what differs is open.

    An open size has the name of the axis of the inputs whose size it always is, or one of its own.
    """
    if len({tensor.ndim for tensor in tensors}) > 1:
        shapes = " and ".join(sorted({str(tensor.shape) for tensor in tensors}))
        raise ValueError(f"onnx.export: {name!r} has the shapes {shapes} in runs with different numbers of images")
    shape: list[int | str] = []
    for place, size in enumerate(tensors[0].shape):
        seen = [tensor.shape[place] for tensor in tensors]
        open_name = next((known for known in sizes[0] if [run[known] for run in sizes] == seen), f"{name}_{place}")
        shape.append(size if set(seen) == {size} else open_name)
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(tensors[0].dtype), shape)
