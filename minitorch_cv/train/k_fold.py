"""K-fold validation: how well settings do, measured on all of the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..data import DataLoader, k_fold
from ..random import Generator
from ..tensor import Tensor
from .loop import fit


def k_fold_accuracy(
    make: Callable[[], tuple[Any, Any]],
    dataset: Any,
    k: int,
    *,
    epochs: int,
    batch_size: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    generator: Generator | None = None,
) -> list[float]:
    """The accuracy on each of k parts of the data set, by a model that was trained on the other parts.

    make() gives a fresh (model, optimizer) for each part. generator: splits and shuffles. Their mean says how good the
    settings are, their spread how sure that is. Source: Dive into Deep Learning, section 3.6.
    """
    accuracies = []
    for train, valid in k_fold(dataset, k, generator=generator):
        model, optimizer = make()
        batches = DataLoader(train, batch_size, shuffle=True, generator=generator)
        history = fit(model, batches, DataLoader(valid, batch_size), epochs=epochs, optimizer=optimizer, loss=loss)
        accuracies.append(history[-1].test_acc)
    return accuracies
