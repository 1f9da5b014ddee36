"""Training: one loop over epochs and batches, and the accuracy on data that were not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import Any

from ..compiled import compile
from ..device import device
from ..distributed.collectives import summed
from ..graph import no_grad
from ..nn.parameter import is_lazy
from ..nn.utils import clip_grad_norm_, clip_grad_value_
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..out_of_memory import OutOfMemoryError
from ..tensor import Tensor
from .diagnosis import STEPS, cause_of
from .ema import EMA
from .metrics import Averages, count_correct
from .progress import Epoch, Progress, Step

Callbacks = Callable[[Any], object] | Sequence[Callable[[Any], object]]
SCHEDULED = ("epoch", "batch")


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite; the message says where, why, and what to try.

    place and cause are its parts; too_large says that the steps are to blame, lr what the learning rate was.
    """

    def __init__(self, place: str, cause: str, lr: float):
        self.place, self.cause, self.lr = place, cause, lr
        self.too_large = cause.startswith(STEPS)
        super().__init__(self.advised(f"try a smaller one, for instance {lr / 10:g}"))

    def advised(self, advice: str) -> str:
        """The message, with this advice if it is the steps that are to blame."""
        if not self.too_large:
            return f"{self.place}: {self.cause}"
        return f"{self.place}, with learning rate {self.lr:g}: {self.cause}; {advice}"


class StopTraining(Exception):
    """Raised by a callback, `fit` ends there and returns the epochs that were completed; the message may say why."""


def fit(
    model: Any,
    train_loader: Any,
    test_loader: Any,
    *,
    epochs: int,
    optimizer: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    scheduler: Any = None,
    schedule_per: str = "epoch",
    clip_norm: float | None = None,
    clip_value: float | None = None,
    mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    ema: EMA | None = None,
    compiled: bool = False,
    on_step: Callbacks = (),
    on_epoch: Callbacks = (),
    progress: Progress | None = None,
) -> list[Epoch]:
    """w <- w - lr dloss/dw for each batch, until train_loader was gone through `epochs` times; what each epoch reached.

    Loaders give batches of images and labels, which are moved to the device of the model's parameters;
    `loss(logits, labels)` is a mean over the batch. Of the rest, whatever is
    left out does nothing:
    scheduler     moves the learning rates on after each epoch, or after each batch with schedule_per="batch". A
                  ReduceLROnPlateau is shown the training loss, with mode="max" the test accuracy.
    clip_norm     the largest norm that all gradients together may have; clip_value, the largest magnitude of each.
    mix           (images, labels) -> (images, labels) before each training batch, for mixup and its like; labels may
                  become probabilities (N, K).
    ema           averages the weights after each batch; the test accuracy is that of the averages.
    compiled      record what a batch goes through, forward and backward, and replay it: the same numbers in less time
                  (`minitorch_cv.compile`, which says what cannot be recorded).
    on_step       called after each batch with a Step, on_epoch after each epoch with an Epoch; a function or several.
                  StopTraining raised by one ends the training here, anything else leaves `fit`, as Ctrl-C does.
    progress      where to begin; it is kept up to date, so that a callback can save it with the rest (`Checkpoint`).

    With several ranks, all of them call this with a DistributedDataParallel as the model, and with loaders that give
    each its share; losses and accuracies are those over all ranks' images.

    Parameters that require no gradient stay as they are. NonFiniteLossError where the loss is NaN or infinite, which
    names the image, label, weight or layer that is; the step that it would have led to is not taken.
    """
    if not len(train_loader):
        raise ValueError("fit: train_loader gives no batches; give it images, at least batch_size with drop_last=True")
    if schedule_per not in SCHEDULED:
        raise ValueError(f"fit: schedule_per={schedule_per!r}; choose one of {', '.join(SCHEDULED)}")
    progress = Progress() if progress is None else progress
    place = device_of(model)

    def forward_and_backward(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(images)
        batch_loss = loss(logits, labels)
        batch_loss.backward()
        return batch_loss, logits

    learn_from = compile(forward_and_backward) if compiled else forward_and_backward
    try:
        while progress.epoch <= epochs:
            model.train()
            start = perf_counter() - progress.seconds
            for images, labels in batches_left(train_loader, progress):
                if mix is not None:
                    images, labels = mix(images, labels)
                images, labels = images.to(place), labels.to(place)
                optimizer.zero_grad()
                batch_loss, logits = learn_from(images, labels)
                batch = reached(batch_loss, logits, labels)
                if not math.isfinite(batch.loss):
                    stepped = any(optimizer.state.values()) or progress.epoch > 1 or progress.batch > 0
                    where = place_of_failure(batch.loss, progress, len(train_loader))
                    cause = cause_of(model, images, labels, stepped)
                    raise NonFiniteLossError(where, cause, optimizer.param_groups[0]["lr"])
                if clip_norm is not None:
                    clip_grad_norm_(parameters_of(optimizer), clip_norm)
                if clip_value is not None:
                    clip_grad_value_(parameters_of(optimizer), clip_value)
                optimizer.step()
                if ema is not None:
                    ema.update()
                if scheduler is not None and schedule_per == "batch":
                    scheduler.step()
                progress.batch += 1
                progress.averages.merge(batch)
                progress.seconds = perf_counter() - start
                call(on_step, progress.step(len(train_loader)))
            with nullcontext() if ema is None else ema.averaged():
                test_acc = evaluate(model, test_loader)
            epoch = progress.end_epoch(test_acc, perf_counter() - start)
            if scheduler is not None and schedule_per == "epoch":
                end_of_epoch(scheduler, epoch)
            call(on_epoch, epoch)
    except StopTraining:
        pass
    except OutOfMemoryError as error:
        error.find_layer(model)  # a backward does not know it
        raise
    return progress.history


def reached(loss: Tensor, logits: Tensor, labels: Tensor) -> Averages:
    """The loss and accuracy of one batch, over the images of all ranks."""
    batch = Averages()
    batch.add(loss.item(), logits, labels)
    return batch.of_all_ranks()


def evaluate(model: Any, loader: Any) -> float:
    """The fraction of the loader's images that the model, in evaluation mode, puts into the right class.

    With several ranks, all of them call this, and their images are counted together.
    """
    was_training = model.training
    model.eval()
    images_seen = correct = 0
    with no_grad():
        place = device_of(model)
        for images, labels in loader:
            correct += count_correct(model(images.to(place)), labels.to(place))
            images_seen += len(labels)
    model.train(was_training)
    right, total = summed(correct, images_seen)
    if not total:
        raise ValueError("evaluate: the loader gives no images; give it a data set that is not empty")
    return right / total


def device_of(model: Any) -> device:
    """Where the model's parameters are, and where its images have to be."""
    for parameter in getattr(model, "parameters", tuple)():
        if not is_lazy(parameter):
            return parameter.device
        if parameter.future_device is not None:
            return device(parameter.future_device)
    return device("cpu")


def batches_left(loader: Any, progress: Progress) -> Iterable[Any]:
    """The loader, or nothing for a run that goes on where an epoch had all its batches but was not yet evaluated."""
    return loader if progress.batch < len(loader) else ()


def parameters_of(optimizer: Any) -> Iterator[Tensor]:
    """Everything that the optimizer may change."""
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


def end_of_epoch(scheduler: Any, epoch: Epoch) -> None:
    """Move the learning rates on."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(epoch.train_loss if scheduler.mode == "min" else epoch.test_acc)
    else:
        scheduler.step()


def call(callbacks: Callbacks, event: Step | Epoch) -> None:
    """Tell the callback, or each of them in turn."""
    for callback in [callbacks] if callable(callbacks) else callbacks:
        callback(event)


def place_of_failure(value: float, progress: Progress, batches: int) -> str:
    """Where the loss was lost."""
    return f"the loss became {value} in epoch {progress.epoch}, batch {progress.batch + 1} of {batches}"
