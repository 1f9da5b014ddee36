"""What is said when memory is full, of a GPU or of the CPU: which layer asked, for how many bytes, what batch to try.

The library that manages the memory knows bytes only. So its error is replaced by one of ours at the first place that
knows more, and the modules that it passes on its way out tell it where they are in the network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minitorch_kernels.arrays import is_out_of_gpu_memory


class OutOfMemoryError(RuntimeError, MemoryError):
    """The memory of a GPU or of the CPU is full; torch's name for it.

    doing says what was going on; layer is the path of the module in the network, such as "features.3 (Conv2d)", empty
    outside of modules; asked is the number of bytes, and batch that of the images which the network was given, None
    where they are not known.
    """

    def __init__(self, cause: MemoryError, doing: str = ""):
        super().__init__(str(cause))
        self.__cause__ = cause
        self.doing = doing
        self.device = "GPU " if is_out_of_gpu_memory(cause) else ""
        self.layer = ""
        self.batch: int | None = None
        self.module: Any = None  # the innermost one
        self.parameters: tuple[Any, ...] = ()  # those that a backward was going on for

    @property
    def asked(self) -> int | None:
        """The bytes that were asked for."""
        found = re.search(r"allocating ([\d,]+) bytes", self.args[0])
        if found is None:  # NumPy names an array
            shape, dtype = getattr(self.__cause__, "shape", None), getattr(self.__cause__, "dtype", None)
            return None if shape is None or dtype is None else math.prod(shape) * np.dtype(dtype).itemsize
        return int(found[1].replace(",", ""))

    @property
    def array(self) -> str:
        """The array that was asked for, in words; empty where that is not known."""
        found = re.search(r"an array (?:of|with) shape (\(.*?\)) and (?:data type )?(\w+)", self.args[0])
        return f", an array of shape {found[1]} and {found[2]}" if found else ""

    def pass_through(self, module: Any, args: tuple[Any, ...]) -> None:
        """Learn from a module that is being left, and from what it was called with, where in it the error arose."""
        if self.module is None:
            self.module = module
        self.find_layer(module)
        shape = getattr(args[0], "shape", ()) if args else ()
        self.batch = shape[0] if shape else self.batch

    def find_layer(self, module: Any) -> None:
        """Name the layer as `module` names it, where it is in there."""
        for path, inner in module.named_modules():
            mine = [parameter for parameter in inner._parameters.values() if parameter is not None]
            if inner is self.module or any(held is parameter for held in mine for parameter in self.parameters):
                self.layer = f"{path} ({type(inner).__name__})" if path else type(inner).__name__

    def __str__(self) -> str:
        place = f"{self.layer and f' in {self.layer}'}{self.doing and f' while {self.doing}'}"
        asked = f"{self.asked:,} bytes asked for" if self.asked is not None else "no room"
        limits = re.search(r"\((.*)\)", self.args[0])
        limited = f" ({limits[1]})" if limits and self.device else ""
        return f"out of {self.device}memory{place}: {asked}{self.array}{limited}; {self.advice()}"

    def advice(self) -> str:
        """What to try."""
        if self.batch is None:
            return "use a smaller batch, smaller images or a smaller network"
        if self.batch < 2:
            return "there is no room for a single image: use smaller images or a smaller network"
        return f"try a batch of {self.batch // 2} instead of {self.batch}"


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Where the `with` block runs out of memory, raise an `OutOfMemoryError` that says what was going on."""
    try:
        yield
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(error, doing)  # noqa: B904 - it names its cause


def explained(error: Exception, module: Any, args: tuple[Any, ...]) -> Exception:
    """What to raise for an error that leaves a module which was called with `args`: other errors stay as they are."""
    if isinstance(error, MemoryError) and not isinstance(error, OutOfMemoryError):
        error = OutOfMemoryError(error)
    if isinstance(error, OutOfMemoryError):
        error.pass_through(module, args)
    return error


def explained_by_replay(error: MemoryError, args: Sequence[Any]) -> Exception:
    """What to raise for an error of a recorded step, which knows nothing of layers, called with `args`."""
    if isinstance(error, OutOfMemoryError):
        return error
    out = OutOfMemoryError(error, "replaying a recorded step")
    shapes = [shape for arg in args if (shape := getattr(arg, "shape", ()))]
    out.batch = shapes[0][0] if shapes else None
    return out


def explained_by_node(error: MemoryError, node: Any) -> Exception:
    """What to raise for an error of the backward of a node of the graph."""
    if isinstance(error, OutOfMemoryError):
        return error
    shapes = [known[0] for known in node.inputs if known is not None]
    out = OutOfMemoryError(error, f"going back through {node.name} with inputs of shape {', '.join(map(str, shapes))}")
    out.parameters = tuple(parent for parent in node.parents if not isinstance(parent, (type(node), type(None))))
    out.batch = shapes[0][0] if shapes[0] else None
    return out
