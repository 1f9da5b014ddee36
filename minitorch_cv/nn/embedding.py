"""Embedding as a layer."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..graph import no_grad
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """y[...] = weight[x[...]]: a learned vector for each of the numbers 0..num_embeddings - 1.

    x (...) of integers -> y (..., D), with weight (V, D) drawn from the standard normal distribution. The row
    `padding_idx` starts as 0 and gets no gradient. `_weight` is used as it is, instead of a drawn one; `_freeze` keeps
    it from learning. ValueError for a padding_idx that is no row and for a `_weight` of another shape,
    NotImplementedError for torch's options max_norm, scale_grad_by_freq and sparse.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        if max_norm is not None or scale_grad_by_freq or sparse:
            raise NotImplementedError(
                f"Embedding: max_norm={max_norm}, scale_grad_by_freq={scale_grad_by_freq}, sparse={sparse}: none of "
                "these is offered; leave them out"
            )
        shape = (num_embeddings, embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"Embedding: padding_idx={padding_idx} is no row of a table of {num_embeddings}")
            padding_idx %= num_embeddings
        if _weight is not None and _weight.shape != shape:
            raise ValueError(f"Embedding: _weight has shape {_weight.shape} but must have shape {shape}")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        values = empty(shape, dtype=dtype, device=device) if _weight is None else _weight
        self.weight = Parameter(values, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """A layer over the memory of `embeddings` (V, D), which does not learn unless freeze=False."""
        if embeddings.ndim != 2:
            raise ValueError(
                f"Embedding.from_pretrained: embeddings have shape {embeddings.shape} but must be a matrix (V, D)"
            )
        V, D = embeddings.shape
        return cls(V, D, padding_idx, _weight=embeddings, _freeze=freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
