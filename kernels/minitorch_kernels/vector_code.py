"""The inner loops of `vector`, written in LLVM's intermediate code.

Left to itself, a compiler turns these loops into narrow vectors and keeps the sums in memory. Here the sums are vector
variables, which LLVM keeps in registers: each step loads a few vectors and one number per row, and multiplies and adds.
LLVM splits the vectors where a machine's registers are narrower. `vector` imports this file once Numba is loaded, and
nothing else does, so that importing the kernels does not load Numba.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from functools import reduce
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import lower_builtin, type_callable

from .vector import HEIGHTS, ROWS_AHEAD, TAPS, vector_bytes, vectors_per_tile

INT64, INT32 = ir.IntType(64), ir.IntType(32)


def compile_to(function: Callable[..., None], generate: Callable[[Writer, SimpleNamespace], None]) -> None:
    """Let Numba's callers of `function` run what `generate` writes; it gets arrays as the addresses of their data."""

    def result_type(*kinds: Any) -> Any:
        elements = {kind.dtype for kind in kinds if isinstance(kind, types.Array)} - {types.int64}
        if len(elements) != 1:
            raise TypingError(f"{function.__name__} wants arrays of one dtype, got {elements}")
        return types.void

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        values = [
            context.make_array(kind)(context, builder, value=value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, values)
        ]
        element = next(kind.dtype for kind in signature.args if isinstance(kind, types.Array))
        write = Writer(builder, context.get_data_type(element), element.bitwidth)
        generate(write, SimpleNamespace(**dict(zip(inspect.signature(function).parameters, values))))
        return context.get_dummy_value()

    result_type.pysig = inspect.signature(function)  # type: ignore[attr-defined]
    type_callable(function)(lambda context: result_type)
    lower_builtin(function, types.VarArg(types.Any))(lower)


def multiply_tile(write: Writer, arg: SimpleNamespace) -> None:
    builder = write.builder
    panel, source = write.at(arg.a, arg.a_start), write.at(arg.b, arg.b_start)
    go_on = builder.icmp_signed("!=", arg.add, write.number(0))

    def tile(height: int, vectors: int, lane: Any, mask: Any) -> None:
        sums = [[write.variable() for _ in range(vectors)] for _ in range(height)]
        shifts = [write.number(v * write.lanes) for v in range(vectors)]
        where = [write.sum(arg.out_start, write.times(arg.out_row, r), lane) for r in range(height)]
        for r in range(height):
            for shift in shifts:  # far from each other, and not needed before the sums are complete
                write.prefetch(arg.out, write.sum(where[r], shift))
        for row, totals in zip(write.rows_or_first(arg.rows, height), sums):
            begin = builder.load(write.at(arg.start, builder.add(arg.start_at, row)))
            value = write.splat(builder.select(go_on, ir.Constant(begin.type, 0.0), begin))
            for total in totals:
                builder.store(value, total)
        # one loop for all stretches: between two nested loops LLVM would move the sums to memory and back
        k_next = cgutils.alloca_once_value(builder, arg.first)
        stop = cgutils.alloca_once_value(builder, write.sum(arg.first, arg.length))
        with cgutils.for_range(builder, builder.mul(arg.count, arg.length)):
            k = builder.load(k_next)
            row = write.sum(builder.load(write.at(arg.offsets, k)), lane)
            loaded = [write.load(source, write.sum(row, shift), mask) for shift in shifts]
            for r in range(height):
                factor = write.splat(builder.load(write.at(panel, write.sum(write.times(k, height), r))))
                for total, vector in zip(sums[r], loaded):
                    write.multiply_add(factor, vector, total)
            k, end = write.sum(k, 1), builder.load(stop)
            at_end = builder.icmp_signed("==", k, end)
            builder.store(builder.select(at_end, write.sum(k, builder.sub(arg.step, arg.length)), k), k_next)
            builder.store(builder.select(at_end, write.sum(end, arg.step), end), stop)
        write_sums(write, arg, sums, where, shifts, go_on, mask)

    in_tiles(write, arg, tile)


def dot_tile(write: Writer, arg: SimpleNamespace) -> None:
    builder = write.builder
    whole, rest = write.whole_vectors(arg.lanes)

    def tile(height: int, taps: range) -> None:
        sums = [[write.variable() for _ in taps] for _ in range(height)]
        shifts = [builder.load(write.at(arg.offsets, write.sum(arg.tap, t))) for t in taps]
        row_starts = [builder.mul(arg.a_row, row) for row in write.rows_or_first(arg.rows, height)]
        with cgutils.for_range(builder, arg.last, start=arg.first) as run:
            a_at = write.sum(arg.a_start, builder.load(write.at(arg.a_runs, run.index)), arg.lane)
            b_at = write.sum(arg.b_start, builder.load(write.at(arg.b_runs, run.index)), arg.lane)

            def step(lane: Any, mask: Any) -> None:
                seen = [write.load(arg.b, write.sum(b_at, shift, lane), mask) for shift in shifts]
                for r in range(height):
                    factor = write.load(arg.a, write.sum(a_at, row_starts[r], lane), mask)
                    for total, vector in zip(sums[r], seen):
                        write.multiply_add(factor, vector, total)

            with cgutils.for_range(builder, whole) as vector:
                step(write.times(vector.index, write.lanes), None)
            with builder.if_then(write.below(0, rest)):
                step(write.times(whole, write.lanes), write.first_lanes(rest))
        for r in write.rows_below(arg.rows, height):
            for total, t in zip(sums[r], taps):
                where = write.at(arg.out, write.sum(arg.out_start, write.times(arg.out_row, r), t))
                builder.store(builder.fadd(builder.load(where), write.lane_sum(builder.load(total))), where)

    def as_many_taps_as_fit(height: int) -> None:
        together = vectors_per_tile()
        for first in range(0, TAPS, together):
            tile(height, range(first, min(first + together, TAPS)))

    write.by_height(arg.height, as_many_taps_as_fit)


def copy_rows(write: Writer, arg: SimpleNamespace) -> None:
    builder = write.builder
    full = vectors_per_tile() * write.lanes
    vectors, rest = write.whole_vectors(arg.lanes)

    def row_by_row(copy: Callable[[Any, Any], None]) -> None:
        with cgutils.for_range(builder, arg.rows) as row:
            offset = builder.load(write.at(arg.offsets, write.sum(arg.first, row.index)))
            copy(write.sum(arg.b_start, offset), write.sum(arg.out_start, builder.mul(row.index, arg.out_row)))

    def whole_row(source: Any, target: Any) -> None:
        for lane in range(0, full, write.lanes):
            write.store(write.load(arg.b, write.sum(source, lane), None), arg.out, write.sum(target, lane), None)

    def part_of_row(source: Any, target: Any) -> None:
        with cgutils.for_range(builder, vectors) as vector:
            lane = write.times(vector.index, write.lanes)
            write.store(write.load(arg.b, write.sum(source, lane), None), arg.out, write.sum(target, lane), None)
        with builder.if_then(write.below(0, rest)):
            lane, mask = write.times(vectors, write.lanes), write.first_lanes(rest)
            write.store(write.load(arg.b, write.sum(source, lane), mask), arg.out, write.sum(target, lane), mask)

    with builder.if_else(builder.icmp_signed("==", arg.lanes, write.number(full))) as (whole, partial):
        with whole:
            row_by_row(whole_row)
        with partial:
            row_by_row(part_of_row)


def copy_panel(write: Writer, arg: SimpleNamespace) -> None:
    builder = write.builder

    def panel(height: int) -> None:
        rows = [builder.mul(arg.stride, row) for row in write.rows_or_first(arg.rows, height)]
        with cgutils.for_range(builder, arg.length) as k:
            source = write.sum(arg.start, builder.mul(arg.step, k.index))
            target = write.sum(arg.panel_start, write.times(k.index, height))
            for r, row in enumerate(rows):
                builder.store(
                    builder.load(write.at(arg.x, write.sum(source, row))), write.at(arg.panel, write.sum(target, r))
                )

    write.by_height(arg.height, panel)


def turn_rows(write: Writer, arg: SimpleNamespace) -> None:
    """Squares of vectors: loaded, their numbers dealt out in turn, and stored as many vectors again.

    Zipping vector i with vector i + lanes / 2, for all i, brings numbers of different vectors half as far apart; after
    log2(lanes) rounds those that lay one below the other are neighbours.
    """
    builder, lanes = write.builder, write.lanes
    low, high = ([i // 2 + half + i % 2 * lanes for i in range(lanes)] for half in (0, lanes // 2))
    whole = builder.sdiv(arg.length, write.number(lanes))
    rest = builder.srem(arg.length, write.number(lanes))

    def square(at: Any, to: Any, rows: list[Any], mask: Any) -> None:
        vectors = [write.load(arg.x, write.sum(at, row), mask) for row in rows]
        for _ in range(lanes.bit_length() - 1):
            vectors = [
                builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, lanes), order))
                for a, b in zip(vectors[: lanes // 2], vectors[lanes // 2 :])
                for order in (low, high)
            ]
        for i, vector in enumerate(vectors):
            with contextlib.nullcontext() if mask is None else builder.if_then(write.below(i, rest)):
                write.store(vector, arg.out, write.sum(to, write.times(arg.width, i)), None)

    with cgutils.for_range(builder, write.ceiling(arg.rows)) as group:
        first = write.times(group.index, lanes)
        rows = [builder.mul(arg.stride, row) for row in write.rows_or_first(builder.sub(arg.rows, first), lanes)]
        source = write.sum(arg.start, builder.mul(first, arg.stride))
        target = write.sum(arg.out_start, first)

        def piece(index: Any, mask: Any) -> None:
            k = write.times(index, lanes)
            square(write.sum(source, k), write.sum(target, builder.mul(k, arg.width)), rows, mask)

        with cgutils.for_range(builder, whole) as vector:
            piece(vector.index, None)
        with builder.if_then(write.below(0, rest)):
            piece(whole, write.first_lanes(rest))


def outer_tile(write: Writer, arg: SimpleNamespace) -> None:
    builder, full = write.builder, vectors_per_tile() * write.lanes
    go_on = builder.icmp_signed("!=", arg.add, write.number(0))

    def tile(height: int, vectors: int, lane: Any, mask: Any) -> None:
        sums = [[write.variable() for _ in range(vectors)] for _ in range(height)]
        shifts = [write.number(v * write.lanes) for v in range(vectors)]
        where = [write.sum(arg.out_start, write.times(arg.out_row, r), lane) for r in range(height)]
        for r in range(height):
            for shift in shifts:
                write.prefetch(arg.out, write.sum(where[r], shift))
        rows = [
            write.sum(arg.a_start, builder.load(write.at(arg.offsets, write.sum(arg.row, row))))
            for row in write.rows_or_first(arg.rows, height)
        ]
        with cgutils.for_range(builder, arg.last, start=arg.first) as run:
            begin = builder.load(write.at(arg.a_runs, run.index))
            sources = [write.at(arg.a, write.sum(begin, row)) for row in rows]
            passed = builder.mul(builder.sub(run.index, arg.first), arg.length)
            b_at = write.sum(arg.b_start, write.times(passed, full), lane)
            with cgutils.for_range(builder, arg.length) as k:
                row = write.sum(arg.row, height, builder.and_(k.index, write.number(ROWS_AHEAD - 1)))
                soon = write.sum(arg.a_start, begin, builder.load(write.at(arg.offsets, row)), k.index)
                write.prefetch(arg.a, soon, to_write=False)
                at = write.sum(b_at, write.times(k.index, full))
                loaded = [write.load(arg.b, write.sum(at, shift), None) for shift in shifts]
                for source, totals in zip(sources, sums):
                    factor = write.splat(builder.load(write.at(source, k.index)))
                    for total, vector in zip(totals, loaded):
                        write.multiply_add(factor, vector, total)
        write_sums(write, arg, sums, where, shifts, go_on, mask)

    in_tiles(write, arg, tile)


def write_sums(
    write: Writer,
    arg: SimpleNamespace,
    sums: list[list[Any]],
    where: list[Any],
    shifts: list[Any],
    go_on: Any,
    mask: Any,
) -> None:
    """out = the sums of a tile, or out += them where `go_on`: row r lies at where[r], its vectors at `shifts`."""
    builder = write.builder
    for r in write.rows_below(arg.rows, len(sums)):
        places = [write.sum(where[r], shift) for shift in shifts]
        with builder.if_then(go_on):
            for total, place in zip(sums[r], places):
                builder.store(builder.fadd(write.load(arg.out, place, mask), builder.load(total)), total)
        for total, place in zip(sums[r], places):
            write.store(builder.load(total), arg.out, place, mask)


def in_tiles(write: Writer, arg: SimpleNamespace, tile: Callable[[int, int, Any, Any], None]) -> None:
    """Run tile(height, vectors, lane, mask) over all lanes: at once where they fill a tile, else in pieces."""
    builder = write.builder

    def in_pieces(height: int) -> None:
        """Two vectors at a time, then one by one, the last under a mask."""
        pair = 2 * write.lanes
        pairs = builder.sdiv(arg.lanes, write.number(pair))
        with cgutils.for_range(builder, pairs) as piece:
            tile(height, 2, write.times(piece.index, pair), None)
        with cgutils.for_range(builder, write.ceiling(arg.lanes), start=write.times(pairs, 2)) as vector:
            lane = write.times(vector.index, write.lanes)
            tile(height, 1, lane, write.first_lanes(builder.sub(arg.lanes, lane)))

    full = write.number(vectors_per_tile() * write.lanes)
    with builder.if_else(builder.icmp_signed("==", arg.lanes, full)) as (whole, partial):
        with whole:
            write.by_height(arg.height, lambda height: tile(height, vectors_per_tile(), write.number(0), None))
        with partial:
            write.by_height(arg.height, in_pieces)


class Writer:
    """Short names for the instructions used above, on vectors of one element type."""

    def __init__(self, builder: Any, element: Any, bits: int):
        self.builder = builder
        self.bytes = bits // 8
        self.lanes = vector_bytes() // self.bytes
        self.vector = ir.VectorType(element, self.lanes)
        self.kind = f"v{self.lanes}f{bits}"

    def call(self, name: str, result: Any, *args: Any) -> Any:
        """Call one of LLVM's own functions."""
        signature = ir.FunctionType(result, [arg.type for arg in args])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, signature, name), args)

    def number(self, value: int) -> Any:
        return ir.Constant(INT64, value)

    def sum(self, *terms: Any) -> Any:
        return reduce(self.builder.add, (self.number(term) if isinstance(term, int) else term for term in terms))

    def times(self, value: Any, factor: int) -> Any:
        return self.builder.mul(value, self.number(factor))

    def ceiling(self, lanes: Any) -> Any:
        """How many vectors so many lanes take."""
        return self.builder.sdiv(self.sum(lanes, self.lanes - 1), self.number(self.lanes))

    def whole_vectors(self, lanes: Any) -> tuple[Any, Any]:
        """How many vectors so many lanes fill, and the lanes left over."""
        width = self.number(self.lanes)
        return self.builder.sdiv(lanes, width), self.builder.srem(lanes, width)

    def below(self, value: int, limit: Any) -> Any:
        return self.builder.icmp_signed("<", self.number(value), limit)

    def at(self, pointer: Any, index: Any) -> Any:
        return self.builder.gep(pointer, [index])

    def vector_at(self, pointer: Any, index: Any) -> Any:
        return self.builder.bitcast(self.at(pointer, index), self.vector.as_pointer())

    def load(self, pointer: Any, index: Any, mask: Any) -> Any:
        """The vector at `index`; lanes outside the mask, if there is one, are 0 and their memory is not touched."""
        where = self.vector_at(pointer, index)
        if mask is None:
            return self.builder.load(where, align=self.bytes)
        zero, align = ir.Constant(self.vector, [0.0] * self.lanes), ir.Constant(INT32, self.bytes)
        return self.call(f"llvm.masked.load.{self.kind}.p0", self.vector, where, align, mask, zero)

    def store(self, value: Any, pointer: Any, index: Any, mask: Any) -> None:
        where = self.vector_at(pointer, index)
        if mask is None:
            self.builder.store(value, where, align=self.bytes)
        else:
            align = ir.Constant(INT32, self.bytes)
            self.call(f"llvm.masked.store.{self.kind}.p0", ir.VoidType(), value, where, align, mask)

    def prefetch(self, pointer: Any, index: Any, to_write: bool = True) -> None:
        """Ask for the cache line at `index`, which is going to be written or read."""
        write, near, data = (ir.Constant(INT32, value) for value in (int(to_write), 2, 1))
        self.call("llvm.prefetch.p0", ir.VoidType(), self.at(pointer, index), write, near, data)

    def splat(self, value: Any) -> Any:
        """A vector with `value` in every lane."""
        undefined = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        one = self.builder.insert_element(undefined, value, ir.Constant(INT32, 0))
        zeros = ir.Constant(ir.VectorType(INT32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, undefined, zeros)

    def first_lanes(self, count: Any) -> Any:
        """A mask of the lanes below `count`."""
        lanes = ir.Constant(ir.VectorType(INT64, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, self.splat(count))

    def variable(self) -> Any:
        """A vector variable that is zero at first."""
        return cgutils.alloca_once_value(self.builder, ir.Constant(self.vector, [0.0] * self.lanes))

    def multiply_add(self, a: Any, b: Any, total: Any) -> None:
        """total += a b, in one instruction where the machine has it."""
        self.builder.store(self.call(f"llvm.fmuladd.{self.kind}", self.vector, a, b, self.builder.load(total)), total)

    def lane_sum(self, vector: Any) -> Any:
        """The sum of all lanes: the upper half is added to the lower one until one lane is left."""
        count = self.lanes
        while count > 1:
            count //= 2
            low, high = (
                self.builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(INT32, count), list(lanes)))
                for lanes in (range(count), range(count, 2 * count))
            )
            vector = self.builder.fadd(low, high)
        return self.builder.extract_element(vector, ir.Constant(INT32, 0))

    def by_height(self, height: Any, body: Callable[[int], None]) -> None:
        """Run body(height), with code for each of HEIGHTS."""
        for rows in HEIGHTS:
            with self.builder.if_then(self.builder.icmp_signed("==", height, self.number(rows))):
                body(rows)

    def rows_below(self, rows: Any, height: int) -> Iterator[int]:
        """Each r < height, in code that runs where r < rows."""
        for r in range(height):
            with self.builder.if_then(self.below(r, rows)):
                yield r

    def rows_or_first(self, rows: Any, height: int) -> list[Any]:
        """Each r < height, or row 0 in the place of those that are not below `rows`."""
        return [self.builder.select(self.below(r, rows), self.number(r), self.number(0)) for r in range(height)]
