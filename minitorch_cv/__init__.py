"""minitorch_cv: a convolutional-network engine that one person can read, under PyTorch's names.

`import minitorch_cv as torch` runs the programs of *Dive into Deep Learning*.
"""

from minitorch_kernels import use
from minitorch_kernels.cuda.precision import get_float32_matmul_precision, set_float32_matmul_precision

from . import amp, cuda, data, distributed, models, nn, onnx, ops, optim, random, utils
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

Size = tuple  # what `x.shape` is

__version__ = "0.1.0"
