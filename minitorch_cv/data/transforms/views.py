"""Transforms that move pixels and compute none, written down instead of carried out: `gather_images` does it later."""

from __future__ import annotations

import numpy as np

from .options import Pair


class NotResidentError(ValueError):
    """Batches cannot be made where the data set lies, on a GPU; the message says why."""


class Views:
    """What `count` images of one height and width look like after some transforms: `table`, as `gather_images` has it.

    A transform that can be written down has a method `view(views, generator)` that draws as its `batch` does.
    NotResidentError where it comes at a place where it would have to see the pixels.

    boxes int64 (N, 4): top, left, height and width of the part of each image that is brought to the size `resized`;
    size: height and width of what is shown of that; starts, steps int64 (N, 2): row and column of the pixel at (0, 0),
    and how far it is to the next ones.
    """

    def __init__(self, count: int, height: int, width: int):
        self.boxes: np.ndarray = np.tile(np.array([0, 0, height, width]), (count, 1))
        self.resized = self.size = (height, width)
        self.starts: np.ndarray = np.zeros((count, 2), np.int64)
        self.steps = np.ones((count, 2), np.int64)
        self.changed_by = ""  # the last transform that changed what is shown
        self.cut_by = ""

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def table(self) -> np.ndarray:
        """int64 (N, 8)."""
        moves = np.stack([self.starts, self.steps], axis=2).reshape(-1, 4)  # row, row step, column, column step
        return np.concatenate([self.boxes, moves], axis=1)

    def resize(self, boxes: np.ndarray, size: Pair, name: str) -> None:
        """Show the boxes, int64 (N, 4), at another size."""
        if self.changed_by:
            raise NotResidentError(f"{name} resizes what comes out of {self.changed_by}")
        self.boxes, self.resized, self.size, self.changed_by = boxes, size, size, name

    def mirror(self, axis: int, which: np.ndarray, name: str) -> None:
        """Exchange the ends of the rows (axis 1) or of the columns (axis 0) of those images, bool (N,)."""
        ends = self.starts[:, axis] + (self.size[axis] - 1) * self.steps[:, axis]
        self.starts[:, axis] = np.where(which, ends, self.starts[:, axis])
        self.steps[:, axis] = np.where(which, -self.steps[:, axis], self.steps[:, axis])
        self.changed_by = name

    def cut_out(self, tops: np.ndarray, lefts: np.ndarray, size: Pair, name: str) -> None:
        """Show the windows of `size` at (tops, lefts), black beyond the edges."""
        if self.cut_by:
            raise NotResidentError(f"{name} cuts what comes out of {self.cut_by}")
        if min(size) < 1:
            raise NotResidentError(f"{name} leaves nothing of images of size {self.size}")
        self.starts = self.starts + np.stack([tops, lefts], axis=1) * self.steps
        self.size, self.changed_by, self.cut_by = size, name, name


def check_black(fill: object, padding_mode: str, name: str) -> None:
    """NotResidentError for margins of another colour than black, or that repeat the image."""
    if padding_mode != "constant" or np.any(np.asarray(fill)):
        raise NotResidentError(f"{name} fills margins with {fill if padding_mode == 'constant' else padding_mode!r}")
