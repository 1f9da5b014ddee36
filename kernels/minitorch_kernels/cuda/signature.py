"""What the kernels of a .cu file take, read from its text: CUDA itself checks neither number nor types of arguments."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

KERNEL = re.compile(r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\(([^)]*)\)')
MACRO = re.compile(r"^#define (\w+) ((?:.*\\\n)*.*)$", re.MULTILINE)
ARRAY = re.compile(r"Global<(?:const )?([\w ]+)>")
REALS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
ELEMENTS = {
    "bool": np.dtype(bool),
    "unsigned char": np.dtype(np.uint8),
    "int": np.dtype(np.int32),
    "Index": np.dtype(np.int64),
    "double": np.dtype(np.float64),
}


@functools.cache
def signatures(source: Path) -> dict[str, list[str]]:
    """For each kernel of the file the type of each argument, `Index`, `double` or `Global<...>`."""
    text = source.read_text(encoding="utf-8")
    macros = {name: value.replace("\\\n", " ") for name, value in MACRO.findall(text)}
    found = {name: expanded(given, macros).split(",") for name, given in KERNEL.findall(text)}
    return {name: [parameter.strip().rsplit(" ", 1)[0] for parameter in given] for name, given in found.items()}


def expanded(text: str, macros: dict[str, str]) -> str:
    """`text` with macros in it replaced, and those in them: parameters that several kernels share may be one."""
    while True:
        replaced = re.sub(r"\b\w+\b", lambda word: macros.get(word[0], word[0]), text)
        if replaced == text:
            return text
        text = replaced


def matched(source: Path, name: str, args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The C type that REAL has to be for these arguments, and the arguments with numbers as the kernel takes them.

    Raises TypeError where their number is wrong, or an array is not of the type that the kernel reads it as: all arrays
    of REAL are float32, or all are float64.
    """
    types = signatures(source)[name]
    if len(types) != len(args):
        raise TypeError(f"{name} takes {len(types)} arguments, got {len(args)}")
    real, converted = np.dtype(np.float32), []
    for kind, arg in zip(types, args):
        if kind in ("Global<const REAL>", "Global<REAL>"):
            real = arg.dtype
            break
    for kind, arg in zip(types, args):
        array = ARRAY.match(kind)
        if array is None:
            arg = float(arg) if kind == "double" else int(arg)
        elif arg.dtype != ELEMENTS.get(array[1], real) or real not in REALS:
            expected = ELEMENTS.get(array[1], real) if real in REALS else "float32 or float64"
            raise TypeError(f"{name}: an array of shape {arg.shape} is {arg.dtype}, not {expected}; convert it first")
        converted.append(arg)
    return REALS[real], converted
