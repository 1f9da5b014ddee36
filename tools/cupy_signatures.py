"""Writes down what CuPy's functions, ufuncs and methods take, for the strict stand-in of the tests.

    pip install cupy-cuda13x
    python -m tools.cupy_signatures tests/strict_cupy/signatures.json

No GPU is needed: CuPy is imported and asked, and computes nothing. Compiled methods have no signature that Python can
read; the first line of their documentation is one.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


def table(cupy: ModuleType) -> dict[str, Any]:
    """The parameters of all that NumPy has as well, or that only CuPy's arrays have, by kind and name."""
    public = {name: getattr(cupy, name) for name in dir(cupy) if name[0] != "_" and hasattr(np, name)}
    ufuncs = {name: [f.nin, f.nout] for name, f in public.items() if isinstance(f, cupy.ufunc)}
    functions = {
        name: parameters(value)
        for name, value in public.items()
        if callable(value) and not isinstance(value, type) and name not in ufuncs
    }
    methods = {
        name: parameters(method)
        for name in dir(cupy.ndarray)
        if name[0] != "_" and callable(method := getattr(cupy.ndarray, name))
    }
    others = {name for name in public if name not in ufuncs and name not in functions and name != "ndarray"}
    return {
        "version": cupy.__version__,
        "functions": functions,
        "methods": methods,
        "ufuncs": ufuncs,
        "others": sorted(name for name in others if not isinstance(public[name], ModuleType)),
    }


def parameters(function: Any) -> str:
    """'a, axis=..., *, out=...': names, kinds, and which of them may be left out; '*args, **kwargs' if unknown."""
    try:
        given = inspect.signature(function).parameters.values()
        return str(inspect.Signature([p.replace(annotation=p.empty, default=left_out(p)) for p in given]))[
            1:-1
        ].replace("Ellipsis", "...")
    except ValueError:
        found = re.match(r"\S+\((.*)\)", (function.__doc__ or "").split("\n")[0])
        return ", ".join(map(without_type, found[1].split(", "))) if found else "*args, **kwargs"


def left_out(parameter: inspect.Parameter) -> Any:
    return parameter.empty if parameter.default is parameter.empty else ...


def without_type(parameter: str) -> str:
    """'Py_ssize_t axis=0' -> 'axis=...'."""
    name, default, _ = parameter.partition("=")
    return f"{name.split()[-1]}=..." if default else name.split()[-1]


def main(target: str) -> None:
    import cupy

    Path(target).write_text(json.dumps(table(cupy), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
