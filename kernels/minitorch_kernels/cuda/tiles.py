"""Which tile of `tiles.cuh` serves which product, and the grid for it."""

from __future__ import annotations

from typing import NamedTuple

from . import precision

LARGE_TILES = 64  # so many tiles of 128 x 128 at least, before they are better than four times as many of 64 x 64
FEW = 32  # rows or columns of which a tile of 64 x 64 would leave half of its threads idle


class Tile(NamedTuple):
    """A kind of tile, by the name that its kernels end with."""

    name: str
    rows: int
    columns: int
    threads: int = 256

    def number(self, rows: int, columns: int) -> int:
        """Tiles that cover a matrix."""
        return -(-rows // self.rows) * -(-columns // self.columns)


TINY = Tile("tiny", 32, 32, 64)
NARROW = Tile("narrow", 256, 16)
SMALL = Tile("small", 64, 64)
LARGE = Tile("large", 128, 128)


def tile(batch: int, rows: int, columns: int, size: int) -> Tile:
    """The tile for `batch` matrices of rows x columns results, of numbers of `size` bytes.

    Large tiles read less memory for each result, but leave a GPU idle where they are few. Of float64 only small ones
    fit into a thread's registers. Where the precision allows it, float32 is multiplied by matrix instructions.
    """
    large = size == 4 and batch * LARGE.number(rows, columns) >= LARGE_TILES
    rounding = precision.rounding() if size == 4 else None
    if rounding is not None:
        return LARGE._replace(name=f"{rounding}_large") if large else SMALL._replace(name=f"{rounding}_small")
    if size == 4 and columns <= NARROW.columns and batch * NARROW.number(rows, columns) >= LARGE_TILES:
        return NARROW
    if min(rows, columns) <= FEW:
        return TINY
    return LARGE if large else SMALL
