"""Training: one loop over epochs and batches, and the accuracy on data that were not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from ..graph import no_grad
from ..tensor import Tensor
from .metrics import Averages, count_correct


@dataclass(frozen=True)
class Step:
    """Where training stands after one batch; loss, accuracy and speed are those of the epoch so far."""

    epoch: int
    batch: int
    batches: int
    loss: float
    accuracy: float
    images_per_second: float


@dataclass(frozen=True)
class Epoch:
    """What one epoch reached.

    train_loss and train_acc are averages over the epoch, taken while the weights change; test_acc is measured after it.
    images_per_second counts training (data, forward, backward, step), `seconds` the evaluation too.
    """

    epoch: int
    train_loss: float
    train_acc: float
    test_acc: float
    images_per_second: float
    seconds: float


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite; the message says where, and what to try."""


def fit(
    model: Any,
    train_loader: Any,
    test_loader: Any,
    *,
    epochs: int,
    optimizer: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    on_step: Callable[[Step], object] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """w <- w - lr dloss/dw for each batch, `epochs` times through train_loader; returns what each epoch reached.

    Loaders give batches of images and labels; `loss(logits, labels)` is a mean over the batch. on_step is called after
    each batch, on_epoch after each epoch with its test accuracy. What they raise ends the training, as Ctrl-C does.
    NonFiniteLossError where the loss is NaN or infinite; the step that it would have led to is not taken.
    """
    if not len(train_loader):
        raise ValueError("fit: train_loader gives no batches; give it images, at least batch_size with drop_last=True")
    history = []
    for number in range(1, epochs + 1):
        model.train()
        averages = Averages()
        start = perf_counter()
        for batch, (images, labels) in enumerate(train_loader, 1):
            optimizer.zero_grad()
            logits = model(images)
            batch_loss = loss(logits, labels)
            value = batch_loss.item()
            if not math.isfinite(value):
                raise NonFiniteLossError(describe_failure(value, number, batch, len(train_loader), optimizer))
            batch_loss.backward()
            optimizer.step()
            averages.add(value, logits, labels)
            speed = averages.images / (perf_counter() - start)
            if on_step is not None:
                on_step(Step(number, batch, len(train_loader), averages.loss, averages.accuracy, speed))
        test_acc = evaluate(model, test_loader)
        seconds = perf_counter() - start
        history.append(Epoch(number, averages.loss, averages.accuracy, test_acc, speed, seconds))
        if on_epoch is not None:
            on_epoch(history[-1])
    return history


def evaluate(model: Any, loader: Any) -> float:
    """The fraction of the loader's images that the model, in evaluation mode, puts into the right class."""
    was_training = model.training
    model.eval()
    images_seen = correct = 0
    with no_grad():
        for images, labels in loader:
            correct += count_correct(model(images), labels)
            images_seen += len(labels)
    model.train(was_training)
    if not images_seen:
        raise ValueError("evaluate: the loader gives no images; give it a data set that is not empty")
    return correct / images_seen


def describe_failure(value: float, epoch: int, batch: int, batches: int, optimizer: Any) -> str:
    """Where the loss was lost, and a smaller learning rate to try."""
    lr = optimizer.param_groups[0]["lr"]
    return (
        f"the loss became {value} in epoch {epoch}, batch {batch} of {batches}, with learning rate {lr:g}: "
        f"the steps are too large; try a smaller one, for instance {lr / 10:g}"
    )
