"""The parts of a training run, made as its settings say."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import optim
from ..data import CutMix, MixUp, Subset
from ..nn.batchnorm import BatchNorm
from ..optim import lr_scheduler
from ..random import Generator
from .settings import Settings


def make_optimizer(settings: Settings, network: Any, groups: list[dict[str, Any]] | None = None) -> optim.Optimizer:
    """The optimizer of all the network's parameters, or of these groups of them."""
    parameters, lr, decay = groups or network.parameters(), settings.lr, settings.weight_decay
    match settings.optimizer:
        case "sgd":
            return optim.SGD(parameters, lr, momentum=settings.momentum, weight_decay=decay)
        case "rmsprop":
            return optim.RMSprop(parameters, lr, momentum=settings.momentum, weight_decay=decay)
        case "adam":
            return optim.Adam(parameters, lr, weight_decay=decay)
        case "adamw":
            return optim.AdamW(parameters, lr, weight_decay=decay)
        case "adagrad":
            return optim.Adagrad(parameters, lr, weight_decay=decay)
    return optim.Adadelta(parameters, lr, weight_decay=decay)


def make_schedule(settings: Settings, optimizer: optim.Optimizer, batches: int) -> tuple[Any, str]:
    """The schedule, None for a constant rate, and whether it moves on per "epoch" or per "batch"."""
    gamma, every, epochs = settings.gamma or 0.0, settings.every or 1, settings.epochs
    match settings.schedule:
        case "step":
            return lr_scheduler.StepLR(optimizer, every, gamma), "epoch"
        case "multistep":
            return lr_scheduler.MultiStepLR(optimizer, settings.milestones, gamma), "epoch"
        case "exponential":
            return lr_scheduler.ExponentialLR(optimizer, gamma), "epoch"
        case "inverse-time":
            return lr_scheduler.LambdaLR(optimizer, lr_scheduler.inverse_time(gamma)), "epoch"
        case "plateau":
            return lr_scheduler.ReduceLROnPlateau(optimizer, factor=gamma, patience=every), "epoch"
        case "cosine":
            curve = lr_scheduler.cosine_with_warmup((settings.warmup or 0) * batches, epochs * batches)
            return lr_scheduler.LambdaLR(optimizer, curve), "batch"
        case "one-cycle":
            momentum = settings.momentum > 0 or settings.optimizer in ("adam", "adamw")
            cycle = lr_scheduler.OneCycleLR(optimizer, settings.lr, epochs * batches, cycle_momentum=momentum)
            return cycle, "batch"
    return None, "epoch"


def make_mix(settings: Settings, num_classes: int, generator: Generator) -> MixUp | CutMix | None:
    """What mixes the images of a batch, if anything does."""
    if settings.mixup:
        return MixUp(alpha=settings.mixup, num_classes=num_classes, generator=generator)
    if settings.cutmix:
        return CutMix(alpha=settings.cutmix, num_classes=num_classes, generator=generator)
    return None


def leaves_one(images: int, batch_size: int, network: Any) -> bool:
    """True where the last batch would be a single image, which batch norm takes for no batch in training."""
    norms = any(isinstance(module, BatchNorm) for module in network.modules())
    return norms and images > batch_size > 1 and images % batch_size == 1


def first(dataset: Any, limit: int | None) -> Any:
    """The first `limit` samples of a data set; all for None, and where it has no more."""
    if limit is None or limit >= len(dataset):
        return dataset
    return Subset(dataset, np.arange(limit))
