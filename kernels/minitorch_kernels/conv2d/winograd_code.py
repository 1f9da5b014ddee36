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
from .winograd_lanes import HEIGHT


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


def register_memory(
    load: Callable[..., Any],
    store: Callable[..., Any],
    load_first: Callable[..., Any],
    store_first: Callable[..., Any],
    prefetch: Callable[..., Any],
) -> None:
    """Let Numba's callers of these functions run the code below."""
    type_callable(load)(lambda context: lambda array, at: LANES)
    lower_builtin(load, types.Array, types.Integer)(lower_load)
    type_callable(store)(lambda context: lambda array, at, vector: types.void)
    lower_builtin(store, types.Array, types.Integer, Lanes)(lower_store)
    type_callable(load_first)(lambda context: lambda array, at, lanes: LANES)
    lower_builtin(load_first, types.Array, types.Integer, types.Integer)(lower_load_first)
    type_callable(store_first)(lambda context: lambda array, at, vector, lanes: types.void)
    lower_builtin(store_first, types.Array, types.Integer, Lanes, types.Integer)(lower_store_first)
    type_callable(prefetch)(lambda context: lambda array, at: types.void)
    lower_builtin(prefetch, types.Array, types.Integer)(lower_prefetch)


def register_arithmetic(splat: Callable[..., Any]) -> None:
    """Let Numba's callers of `splat`, and of + - * on vectors, run the code below."""
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
    return writer(builder).load(data_of(context, builder, signature.args[0], values[0]), values[1], None)


def lower_store(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    writer(builder).store(values[2], data_of(context, builder, signature.args[0], values[0]), values[1], None)
    return context.get_dummy_value()


def lower_load_first(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    write = writer(builder)
    mask = write.first_lanes(values[2])
    return write.load(data_of(context, builder, signature.args[0], values[0]), values[1], mask)


def lower_store_first(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    write = writer(builder)
    mask = write.first_lanes(values[3])
    write.store(values[2], data_of(context, builder, signature.args[0], values[0]), values[1], mask)
    return context.get_dummy_value()


def lower_prefetch(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    write = writer(builder)
    address = write.vector_at(data_of(context, builder, signature.args[0], values[0]), values[1])
    to_read, keep, data = (ir.Constant(ir.IntType(32), number) for number in (0, 3, 1))
    write.call("llvm.prefetch.p0", ir.VoidType(), address, to_read, keep, data)
    return context.get_dummy_value()


def data_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """The address of an array's first element."""
    return context.make_array(kind)(context, builder, value=array).data


def register_shuffles(transpose: Callable[..., Any], interleave: Callable[..., Any]) -> None:
    """Let Numba's callers of these functions run the code below."""
    type_callable(transpose)(lambda context: lambda source, at, step, target, to, out_step: types.void)
    lower_builtin(transpose, types.Array, *[types.Integer] * 2, types.Array, *[types.Integer] * 2)(lower_transpose)
    type_callable(interleave)(lambda context: lambda source, at, step, target, to: types.void)
    lower_builtin(interleave, types.Array, *[types.Integer] * 2, types.Array, types.Integer)(lower_interleave)


def lower_transpose(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    lanes = writer(builder).lanes
    return shuffle(context, builder, signature, values, lanes, values[5])


def lower_interleave(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    write = writer(builder)
    return shuffle(context, builder, signature, values, HEIGHT, write.number(write.lanes))


def shuffle(context: Any, builder: Any, signature: Any, values: Any, count: int, out_step: Any) -> Any:
    """Load `count` vectors, deal their numbers out in turn, and store as many vectors.

    Zipping vector i with vector i + count / 2, for all i, brings numbers that lay in different vectors half as far
    apart; after log2(count) rounds they are neighbours.
    """
    source, at, step, target, to = values[:5]
    source = data_of(context, builder, signature.args[0], source)
    target = data_of(context, builder, signature.args[3], target)
    write = writer(builder)
    vectors = [write.load(source, write.sum(at, write.times(step, i)), None) for i in range(count)]
    low, high = ([i // 2 + half + i % 2 * write.lanes for i in range(write.lanes)] for half in (0, write.lanes // 2))
    for _ in range(count.bit_length() - 1):
        vectors = [
            builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), write.lanes), order))
            for a, b in zip(vectors[: count // 2], vectors[count // 2 :])
            for order in (low, high)
        ]
    for i, vector in enumerate(vectors):
        write.store(vector, target, write.sum(to, write.times(out_step, i)), None)
    return context.get_dummy_value()
