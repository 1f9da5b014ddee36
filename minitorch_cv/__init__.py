"""minitorch_cv: a convolutional-network engine that one person can read, under PyTorch's names.

`import minitorch_cv as torch` runs the programs of *Dive into Deep Learning*.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from minitorch_kernels import use
from minitorch_kernels.cuda.precision import get_float32_matmul_precision, set_float32_matmul_precision

from . import amp, cuda, distributed, nn, ops, optim, random
from .amp import autocast, is_autocast_enabled
from .compiled import compile
from .creation import (
    arange,
    as_tensor,
    bernoulli,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    meshgrid,
    normal,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from .device import device
from .dtypes import (
    bfloat16,
    bool,
    double,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
from .gradcheck.check import gradcheck
from .graph import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .ops import *  # noqa: F403  (the operations, listed in ops/__init__.py)
from .random import Generator, initial_seed, manual_seed, seed
from .summary import summary
from .tensor import Tensor, is_tensor

if _TYPE_CHECKING:
    from . import data, models, onnx, utils

Size = tuple  # what `x.shape` is

__version__ = "0.1.0"

_LATER = ("data", "models", "onnx", "utils")  # imported when first used, so that the first import is quick


def __getattr__(name: str) -> _Any:
    if name in _LATER:
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
