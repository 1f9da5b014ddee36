"""What a student reads: each instruction of a step, with shapes, bytes, multiply-adds and its place in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .instructions import Backward, Call, Instruction, Operation

if TYPE_CHECKING:
    from .recording import Entry
    from .replaying import Recording

HEADINGS = ("#", "Operation", "Output shape", "Bytes", "Mult-Adds", "Offset in memory")
LONGEST = 44  # characters of a shape, or of offsets


@dataclass
class Row:
    """One instruction. Bytes are those of its results; offsets, where its buffers lie, work space included."""

    name: str
    shapes: list[tuple[int, ...]]
    bytes: int
    multiply_adds: int
    offsets: list[int]


class Plan:
    """The instructions of a recorded step, and the memory that was planned for it.

    arena_bytes: the memory in which all buffers of the step have their places; requested_bytes: what they would take
    without sharing it. Both are None until the first replay, the third call of the step, has shown what it needs.
    On a GPU they stay None: memory comes from its pool, and the text says whether the step became a graph.
    multiply_adds counts the products with weights, and of matrices, forward and backward.
    """

    def __init__(self, recording: Recording):
        instructions = [*recording.forward, *recording.later]
        layout = recording.buffers.layout
        offsets: dict[int, list[int]] = {}
        for buffer in layout.buffers if layout else ():
            if buffer.offset is not None:
                offsets.setdefault(buffer.instruction, []).append(buffer.offset)
        self.rows = [row(step, offsets.get(number, [])) for number, step in enumerate(instructions)]
        self.arena_bytes = layout.size if layout else None
        self.requested_bytes = layout.requested if layout else None
        self.capturing = recording.capturing

    @property
    def multiply_adds(self) -> int:
        """All products of the step."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        lines = [HEADINGS, *(cells(number, row) for number, row in enumerate(self.rows))]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
        text = [aligned(line, widths) for line in lines]
        rule = "=" * max(map(len, text))
        return "\n".join([rule, text[0], rule, *text[1:], rule, *self.totals(), rule])

    __repr__ = __str__

    def totals(self) -> list[str]:
        """What the rows come to."""
        memory = "Memory: planned at the first replay, the third call"
        if self.capturing is not None:
            memory = f"On a GPU: {self.capturing.state}"
        elif self.arena_bytes is not None:
            memory = (
                f"Memory of all buffers: {self.arena_bytes:,} bytes; each for itself: {self.requested_bytes:,} bytes"
            )
        return [f"Instructions: {len(self.rows):,}", f"Total mult-adds: {self.multiply_adds:,}", memory]


def row(step: Instruction, offsets: list[int]) -> Row:
    """The row of one instruction."""
    made: list[Any] = []
    count = 0
    if isinstance(step, (Operation, Call)):
        made = list(step.entry.made)
        count = multiply_adds(step.entry)
    elif isinstance(step, Backward):
        wanted = [i for i, parent in enumerate(step.entry.parents) if parent is not None]
        made = [step.entry.given[i] for i in wanted]
        count = multiply_adds(step.entry) * sum(i < 2 for i in wanted)  # as many for dx as for dw
    size = sum(math.prod(shape) * dtype.itemsize for shape, dtype in made)
    return Row(step.name, [shape for shape, _ in made], size, count, offsets)


def multiply_adds(entry: Entry) -> int:
    """The products that an operation needs: for each output, as many as a weight has inputs."""
    if entry.name not in PRODUCTS:
        return 0
    x, w = (given[0] for given in entry.given[:2] if given is not None)
    return PRODUCTS[entry.name](x, w, entry.made[0][0])


PRODUCTS = {  # by shapes: x, w and output
    "convolution": lambda x, w, y: math.prod(y) * math.prod(w[1:]),
    "transposed_convolution": lambda x, w, y: math.prod(x) * math.prod(w[1:]),
    "linear": lambda x, w, y: math.prod(y) * w[1],
    "product": lambda x, w, y: math.prod(y) * x[-1],
}


def cells(number: int, row: Row) -> tuple[str, ...]:
    """The text of a row."""
    return (
        str(number),
        row.name,
        shortened(" ".join(str(shape).replace(" ", "") for shape in row.shapes)),
        f"{row.bytes:,}" if row.bytes else "--",
        f"{row.multiply_adds:,}" if row.multiply_adds else "--",
        shortened(" ".join(f"{offset:,}" for offset in row.offsets)),
    )


def shortened(text: str) -> str:
    """At most LONGEST characters."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """Text to the left, numbers to the right."""
    number, name, shape, size, count, offsets = (
        cell.rjust(width) if column in (0, 3, 4) else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths))
    )
    return f"{number}  {name}  {shape}  {size}  {count}  {offsets}".rstrip()
