"""The two inner loops that every product and convolution spends its time in, as vector code.

Each is a plain Python function, which is its specification and what runs where Numba's compiler is switched off, and a
version in LLVM's intermediate code, which compiled callers get instead. The latter holds a block of results in vector
registers and does nothing per step but load, multiply and add:

    multiply_tile   out[r, lane] = Σ_k a[k, r] · b[offsets[k] + lane]      lanes are outputs: products, convolutions
    dot_tile        out[r, t] += Σ_lane a[r, lane] · b[offsets[t] + lane]   lanes are summed: gradients of weights

`offsets` says where in `b` step k finds its row. For a matrix that is k·stride; for a convolution it is where tap
(ky, kx, c) lies relative to the output position, so no window is ever copied.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .jit import when_numba_loads

HEIGHTS = (6, 4)  # rows of a tile: 6 rows x 4 vectors of sums fill 24 of 32 registers, 6 x 2 fill 12 of 16
TAPS = 4  # columns of a dot_tile: 6 x 4 sums in 24 registers


@functools.cache
def vector_bytes() -> int:
    """The width of this machine's vector registers."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


def vectors_per_tile() -> int:
    """How many vectors side by side make a tile: 4 where there are 32 registers (AVX-512, Arm), else 2."""
    return 2 if vector_bytes() == 32 else 4


def tile_lanes(dtype: Any) -> int:
    """Lanes of a full tile of `multiply_tile`."""
    return vectors_per_tile() * vector_bytes() // np.dtype(dtype).itemsize


def tile_height(M: int) -> int:
    """The height that cuts M rows into panels with the fewest rows to spare."""
    return min(HEIGHTS, key=lambda height: -(-M // height) * height)


def multiply_tile(
    a, a_start, b, b_start, offsets, first, length, step, count, start, start_at, out, out_start, out_row, height, rows, lanes, add
):  # fmt: skip
    """out[r, lane] = start[r] + Σ_k a[k, r] · b[offsets[k] + lane], or out += Σ_k where `add` is 1.

    r < rows <= height, one of HEIGHTS; lane < lanes <= tile_lanes; k runs over `count` stretches of `length`: first, first + step, ...
    All arrays are one-dimensional; a[k, r] lies at a_start + k height + r, out[r, lane] at out_start + r out_row + lane.
    """
    for r in range(rows):
        result = out[out_start + r * out_row : out_start + r * out_row + lanes]
        total = result.copy() if add else np.full(lanes, start[start_at + r])
        for stretch in range(count):
            for k in range(first + stretch * step, first + stretch * step + length):
                at = b_start + offsets[k]
                total += a[a_start + k * height + r] * b[at : at + lanes]
        result[:] = total


def dot_tile(
    a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap, first, last, lane, lanes, out, out_start, out_row, height, rows
):  # fmt: skip
    """out[r, t] += Σ_run Σ_lane a[r, run, lane] · b[run, offsets[tap + t] + lane] for r < rows <= height, t < TAPS.

    The sum runs over first <= run < last and over `lanes` lanes from `lane` on. a[r, run, 0] lies at
    a_start + a_runs[run] + r a_row, b[run, 0] at b_start + b_runs[run] and out[r, t] at out_start + r out_row + t.
    """
    for r in range(rows):
        for t in range(TAPS):
            for run in range(first, last):
                a_at = a_start + a_runs[run] + r * a_row + lane
                b_at = b_start + b_runs[run] + offsets[tap + t] + lane
                out[out_start + r * out_row + t] += a[a_at : a_at + lanes] @ b[b_at : b_at + lanes]


@when_numba_loads
def register_vector_code() -> None:
    """Make compiled callers of the two functions above use the vector code below."""
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import lower_builtin, type_callable

    int64 = ir.IntType(64)

    class Emitter:
        """Short names for the few instructions that are needed, on vectors of one element type."""

        def __init__(self, context: Any, builder: Any, element: Any):
            self.builder = builder
            self.scalar = context.get_data_type(element)
            self.bytes = element.bitwidth // 8
            self.lanes = vector_bytes() // self.bytes
            self.vector = ir.VectorType(self.scalar, self.lanes)
            suffix = f"v{self.lanes}f{element.bitwidth}"
            multiply_add = ir.FunctionType(self.vector, [self.vector] * 3)
            self.fmuladd = cgutils.get_or_insert_function(builder.module, multiply_add, f"llvm.fmuladd.{suffix}")
            mask, pointer, i32 = ir.VectorType(ir.IntType(1), self.lanes), self.vector.as_pointer(), ir.IntType(32)
            load = ir.FunctionType(self.vector, [pointer, i32, mask, self.vector])
            store = ir.FunctionType(ir.VoidType(), [self.vector, pointer, i32, mask])
            self.masked_load = cgutils.get_or_insert_function(builder.module, load, f"llvm.masked.load.{suffix}.p0")
            self.masked_store = cgutils.get_or_insert_function(builder.module, store, f"llvm.masked.store.{suffix}.p0")
            self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

        def number(self, value: int) -> Any:
            return ir.Constant(int64, value)

        def at(self, pointer: Any, index: Any) -> Any:
            return self.builder.gep(pointer, [index])

        def add(self, *terms: Any) -> Any:
            return functools.reduce(self.builder.add, terms)

        def load(self, pointer: Any, index: Any, mask: Any = None) -> Any:
            where = self.builder.bitcast(self.at(pointer, index), self.vector.as_pointer())
            if mask is None:
                return self.builder.load(where, align=self.bytes)
            return self.builder.call(self.masked_load, [where, ir.Constant(ir.IntType(32), self.bytes), mask, self.zero])

        def store(self, value: Any, pointer: Any, index: Any, mask: Any = None) -> None:
            where = self.builder.bitcast(self.at(pointer, index), self.vector.as_pointer())
            if mask is None:
                self.builder.store(value, where, align=self.bytes)
            else:
                align = ir.Constant(ir.IntType(32), self.bytes)
                self.builder.call(self.masked_store, [value, where, align, mask])

        def splat(self, scalar: Any) -> Any:
            """All lanes of a vector set to one number."""
            one = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
            return self.builder.shuffle_vector(one, ir.Constant(self.vector, ir.Undefined), zeros)

        def first_lanes(self, count: Any) -> Any:
            """A mask of the lanes below `count`."""
            wide = ir.VectorType(int64, self.lanes)
            one = self.builder.insert_element(ir.Constant(wide, ir.Undefined), count, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
            counts = self.builder.shuffle_vector(one, ir.Constant(wide, ir.Undefined), zeros)
            return self.builder.icmp_signed("<", ir.Constant(wide, list(range(self.lanes))), counts)

        def sums(self, count: int) -> list[Any]:
            """Vector variables; LLVM keeps them in registers."""
            return [cgutils.alloca_once(self.builder, self.vector) for _ in range(count)]

        def accumulate(self, variable: Any, a: Any, b: Any) -> None:
            self.builder.store(self.builder.call(self.fmuladd, [a, b, self.builder.load(variable)]), variable)

        def lane_sum(self, vector: Any) -> Any:
            """The sum of all lanes, halves first: the same order on every machine of this vector width."""
            i32, count = ir.IntType(32), self.lanes
            while count > 1:
                count //= 2
                halves = [
                    self.builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(i32, count), list(lanes)))
                    for lanes in (range(count), range(count, 2 * count))
                ]
                vector = self.builder.fadd(*halves)
            return self.builder.extract_element(vector, ir.Constant(i32, 0))

        def by_height(self, height: Any, body: Any) -> None:
            """Run body(6) or body(4), code for each of HEIGHTS, picked by `height`."""
            for rows in HEIGHTS:
                with self.builder.if_then(self.builder.icmp_signed("==", height, self.number(rows))):
                    body(rows)

        def each_row(self, most: int, rows: Any) -> Any:
            """For each r < most: r, in code that runs where r < rows."""
            for r in range(most):
                with self.builder.if_then(self.builder.icmp_signed("<", self.number(r), rows)):
                    yield r

    def data_pointers(context: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
        """The arguments with each array replaced by the address of its first element."""
        return [
            context.make_array(kind)(context, builder, value=arg).data if isinstance(kind, types.Array) else arg
            for kind, arg in zip(signature.args, args)
        ]

    def compiles_to(function: Callable[..., None], generate: Callable[..., Any]) -> None:
        """Let Numba lower calls of `function` by `generate`."""

        def result_type(*arguments: Any) -> Any:
            return types.void

        result_type.pysig = inspect.signature(function)  # type: ignore[attr-defined]
        type_callable(function)(lambda context: result_type)
        lower_builtin(function, types.VarArg(types.Any))(generate)

    def multiply_tile_code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (
            a, a_start, b, b_start, offsets, first, length, step, count, start, start_at, out, out_start, out_row, height, rows, lanes, add
        ) = data_pointers(context, builder, signature, args)  # fmt: skip
        emit = Emitter(context, builder, signature.args[0].dtype)
        number, at = emit.number, emit.at
        width = vectors_per_tile() * emit.lanes
        panel, source = at(a, a_start), at(b, b_start)

        def tile(most: int, vectors: int, lane: Any, mask: Any) -> None:
            """Code for `vectors` vectors that begin at `lane`, in tiles of `most` rows."""
            sums = [emit.sums(vectors) for _ in range(most)]
            where = [emit.add(out_start, builder.mul(out_row, number(r)), lane) for r in range(most)]
            shifts = [number(v * emit.lanes) for v in range(vectors)]
            with builder.if_else(builder.icmp_signed("!=", add, number(0))) as (go_on, begin):
                with go_on:
                    for r in emit.each_row(most, rows):
                        for v in range(vectors):
                            builder.store(emit.load(out, emit.add(where[r], shifts[v]), mask), sums[r][v])
                with begin:
                    for r in emit.each_row(most, rows):
                        value = emit.splat(builder.load(at(start, emit.add(start_at, number(r)))))
                        for v in range(vectors):
                            builder.store(value, sums[r][v])
            # one loop for all stretches: at two nested loops LLVM would move the sums to memory and back
            k_next, stop = (cgutils.alloca_once_value(builder, value) for value in (first, emit.add(first, length)))
            with cgutils.for_range(builder, builder.mul(count, length)):
                k = builder.load(k_next)
                row = emit.add(builder.load(at(offsets, k)), lane)
                loaded = [emit.load(source, emit.add(row, shift), mask) for shift in shifts]
                for r in range(most):
                    scalar = emit.splat(builder.load(at(panel, emit.add(builder.mul(k, number(most)), number(r)))))
                    for v in range(vectors):
                        emit.accumulate(sums[r][v], scalar, loaded[v])
                k, end = emit.add(k, number(1)), builder.load(stop)
                at_end = builder.icmp_signed("==", k, end)
                builder.store(builder.select(at_end, emit.add(k, builder.sub(step, length)), k), k_next)
                builder.store(builder.select(at_end, emit.add(end, step), end), stop)
            for r in emit.each_row(most, rows):
                for v in range(vectors):
                    emit.store(builder.load(sums[r][v]), out, emit.add(where[r], shifts[v]), mask)

        def vector_by_vector(most: int) -> None:
            """Lanes that do not fill a tile; the last vector works under a mask."""
            vectors = builder.sdiv(emit.add(lanes, number(emit.lanes - 1)), number(emit.lanes))
            with cgutils.for_range(builder, vectors) as v:
                lane = builder.mul(v.index, number(emit.lanes))
                tile(most, 1, lane, emit.first_lanes(builder.sub(lanes, lane)))

        with builder.if_else(builder.icmp_signed("==", lanes, number(width))) as (full, partial):
            with full:
                emit.by_height(height, lambda most: tile(most, vectors_per_tile(), number(0), None))
            with partial:
                emit.by_height(height, vector_by_vector)
        return context.get_dummy_value()

    compiles_to(multiply_tile, multiply_tile_code)

    def dot_tile_code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (
            a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap, first, last, lane, lanes, out, out_start, out_row, height, rows
        ) = data_pointers(context, builder, signature, args)  # fmt: skip
        emit = Emitter(context, builder, signature.args[0].dtype)
        number, at = emit.number, emit.at
        whole = builder.sdiv(lanes, number(emit.lanes))
        rest = builder.srem(lanes, number(emit.lanes))
        last_row = builder.sub(rows, number(1))

        def tile(most: int) -> None:
            sums = [emit.sums(TAPS) for _ in range(most)]
            for variables in sums:
                for variable in variables:
                    builder.store(emit.zero, variable)
            shifts = [builder.load(at(offsets, emit.add(tap, number(t)))) for t in range(TAPS)]
            # rows beyond the last repeat it: their sums are thrown away
            in_range = [builder.icmp_signed("<", number(r), rows) for r in range(most)]
            row_starts = [builder.mul(a_row, builder.select(in_range[r], number(r), last_row)) for r in range(most)]
            with cgutils.for_range(builder, last, start=first) as run:
                a_at = emit.add(a_start, builder.load(at(a_runs, run.index)), lane)
                b_at = emit.add(b_start, builder.load(at(b_runs, run.index)), lane)

                def step(shift: Any, mask: Any) -> None:
                    seen = [emit.load(b, emit.add(b_at, shifts[t], shift), mask) for t in range(TAPS)]
                    for r in range(most):
                        factor = emit.load(a, emit.add(a_at, row_starts[r], shift), mask)
                        for t in range(TAPS):
                            emit.accumulate(sums[r][t], factor, seen[t])

                with cgutils.for_range(builder, whole) as vector:
                    step(builder.mul(vector.index, number(emit.lanes)), None)
                with builder.if_then(builder.icmp_signed(">", rest, number(0))):
                    step(builder.mul(whole, number(emit.lanes)), emit.first_lanes(rest))
            for r in emit.each_row(most, rows):
                for t in range(TAPS):
                    where = at(out, emit.add(out_start, builder.mul(out_row, number(r)), number(t)))
                    builder.store(builder.fadd(builder.load(where), emit.lane_sum(builder.load(sums[r][t]))), where)

        emit.by_height(height, tile)
        return context.get_dummy_value()

    compiles_to(dot_tile, dot_tile_code)
