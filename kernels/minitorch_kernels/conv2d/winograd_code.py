"""`winograd_lanes` for compiled code: a vector is a value in a register, and + - * are single instructions.

`winograd_lanes` imports this file once Numba is loaded, and nothing else does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

from ..vector_code import Writer


class Lanes(types.Type):
    """The Numba type of a vector of float32, as wide as the machine's registers."""

    def __init__(self) -> None:
        super().__init__("Lanes")


LANES = Lanes()


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """In LLVM's terms, for instance <16 x float>."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, writer(None).vector)


def writer(builder: Any) -> Writer:
    return Writer(builder, ir.FloatType(), 32)


def register(load: Callable[..., Any], store: Callable[..., Any], splat: Callable[..., Any]) -> None:
    """Let Numba's callers of these functions, and of + - * on vectors, run the code below."""
    type_callable(load)(lambda context: lambda array, at, lanes: LANES)
    lower_builtin(load, types.Array, types.Integer, types.Integer)(lower_load)
    type_callable(store)(lambda context: lambda array, at, vector, lanes: types.void)
    lower_builtin(store, types.Array, types.Integer, Lanes, types.Integer)(lower_store)
    type_callable(splat)(lambda context: lambda number: LANES)
    lower_builtin(splat, types.Float)(lower_splat)
    type_callable(operator.add)(vector_and_vector)
    lower_builtin(operator.add, Lanes, Lanes)(lower_add)
    type_callable(operator.sub)(vector_and_vector)
    lower_builtin(operator.sub, Lanes, Lanes)(lower_sub)
    type_callable(operator.mul)(number_and_vector)
    lower_builtin(operator.mul, types.Float, Lanes)(lower_mul)


def vector_and_vector(context: Any) -> Callable[..., Any]:
    return lambda a, b: LANES if isinstance(a, Lanes) and isinstance(b, Lanes) else None


def number_and_vector(context: Any) -> Callable[..., Any]:
    return lambda a, b: LANES if isinstance(a, types.Float) and isinstance(b, Lanes) else None


def lower_add(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return builder.fadd(*values, flags=("contract",))  # with a product it may become one multiply-add


def lower_sub(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return builder.fsub(*values, flags=("contract",))


def lower_mul(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    number = context.cast(builder, values[0], signature.args[0], types.float32)
    return builder.fmul(writer(builder).splat(number), values[1], flags=("contract",))


def lower_splat(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return writer(builder).splat(context.cast(builder, values[0], signature.args[0], types.float32))


def lower_load(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    array, at, lanes = values
    data = context.make_array(signature.args[0])(context, builder, value=array).data
    write = writer(builder)
    return write.load(data, at, write.first_lanes(lanes))


def lower_store(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    array, at, vector, lanes = values
    data = context.make_array(signature.args[0])(context, builder, value=array).data
    write = writer(builder)
    write.store(vector, data, at, write.first_lanes(lanes))
    return context.get_dummy_value()
