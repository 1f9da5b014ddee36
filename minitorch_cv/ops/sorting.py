"""Order: sort, argsort, topk."""

from __future__ import annotations

from minitorch_kernels.arrays import array_module

from ..listening import told
from ..tensor import Tensor
from .indexing import gather, getitem
from .reduction import ValuesAndIndices, one_axis


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """The elements in order along `dim`, and where each was; equals keep their order. NaN counts as the largest."""
    indices = argsort(input, dim, descending)
    return ValuesAndIndices(gather(input, dim, indices), indices)


@told
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that would sort along `dim`; equals keep their order."""
    x = input._array
    xp, dim = array_module(x), one_axis("sort", x, dim)
    if not descending:
        return Tensor(xp.argsort(x, axis=dim, kind="stable"))
    backwards = xp.argsort(xp.flip(x, dim), axis=dim, kind="stable")
    return Tensor(xp.flip(x.shape[dim] - 1 - backwards, dim))


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The k largest (or smallest) elements along `dim`, in order, and their indices."""
    axis = one_axis("topk", input._array, dim)
    if not 0 <= k <= input.shape[axis]:
        raise RuntimeError(f"topk: k={k} is out of range for {input.shape[axis]} elements along dim {dim}")
    first = (slice(None),) * axis + (slice(k),)
    chosen = getitem(argsort(input, dim, descending=largest), first)
    return ValuesAndIndices(gather(input, dim, chosen), chosen)
