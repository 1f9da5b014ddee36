"""Gradient checks of what runs on kernels: convolution, pooling, normalisation, dropout and the losses.

Each case runs on both implementations of its kernels. All shapes are small, so that every element can be checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn import functional as F
from ..ops.dropout import dropped_by_key
from ..random import Generator
from ..tensor import Tensor
from .case import Case, beside, case, exactly, on_both_implementations, positive

TIES = np.array([[1, 1, 0, 2], [0, 1, 2, 2], [3, 0, 3, 1], [0, 3, 1, 1]], float).reshape(1, 1, 4, 4)
LABELS = Tensor(np.array([2, 0, 1, 2]))
WITH_IGNORED = Tensor(np.array([2, -100, 1, 2]))
CLASS_WEIGHTS = Tensor(np.array([0.5, 2.0, 1.25]))


def convolutions() -> list[Case]:
    """conv2d with all its options, and fold and unfold."""
    x, w, b = (2, 2, 5, 4), (3, 2, 3, 2), (3,)

    def conv(label: str, *shapes: tuple[int, ...], **options: Any) -> Case:
        return case("conv2d", label, lambda *inputs: F.conv2d(*inputs, **options), *shapes)

    windows: Any = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (1, 2)}
    return [
        conv("", x, w, b),
        conv("no bias", x, w),
        conv("padding", x, w, b, padding=(2, 1)),
        conv("stride", (2, 2, 6, 5), w, b, stride=(2, 3)),
        conv("stride down, not across", x, w, b, stride=(2, 1), padding=1),
        conv("stride, 16 images", (16, 1, 4, 4), (2, 1, 2, 2), (2,), stride=2, padding=1),
        conv("stride, many filters", (2, 1, 3, 3), (33, 1, 2, 2), (33,), stride=2, padding=1),
        conv("stride wider than the kernel", (2, 1, 5, 5), (2, 1, 1, 2), (2,), stride=3),
        conv("stride that leaves a rest", (1, 1, 6, 6), (1, 1, 3, 3), (1,), stride=2),
        conv("dilation", (2, 2, 6, 4), w, b, dilation=(2, 3)),
        conv(
            "padding, stride and dilation", (1, 2, 6, 6), (2, 2, 2, 3), (2,), padding=(1, 2), stride=2, dilation=(3, 2)
        ),
        conv("groups", (2, 4, 4, 4), (6, 2, 2, 2), (6,), groups=2),
        conv("depthwise", (2, 3, 4, 4), (6, 1, 3, 3), (6,), groups=3, padding=1),
        conv("kernel of one", (2, 3, 3, 2), (4, 3, 1, 1), (4,)),
        conv("kernel as large as the input", (2, 2, 3, 4), (3, 2, 3, 4), (3,)),
        conv("same", (1, 1, 4, 4), (2, 1, 2, 3), (2,), padding="same"),
        conv("one image without a batch", (2, 4, 4), (3, 2, 2, 2), (3,)),
        case("unfold", "", lambda x: F.unfold(x, 2), (2, 2, 3, 3)),
        case("unfold", "all options", lambda x: F.unfold(x, **windows), (2, 2, 4, 4)),
        case("fold", "", lambda x: F.fold(x, (3, 3), 2), (2, 8, 4)),
        case("fold", "all options", lambda x: F.fold(x, (4, 4), **windows), (2, 12, 12)),
    ]


def pools() -> list[Case]:
    """Pooling by the maximum and the mean, with fixed and with adaptive windows."""

    def pool(name: str, label: str, op: Any, x: tuple[int, ...], *args: Any, **options: Any) -> Case:
        return case(name, label, lambda x: op(x, *args, **options), x)

    return [
        pool("max_pool2d", "", F.max_pool2d, (2, 2, 4, 4), 2),
        pool("max_pool2d", "overlapping", F.max_pool2d, (1, 2, 5, 5), 3, stride=1),
        pool("max_pool2d", "padding", F.max_pool2d, (2, 1, 4, 5), (2, 3), stride=2, padding=1),
        pool("max_pool2d", "dilation", F.max_pool2d, (1, 2, 6, 5), 2, stride=1, dilation=(3, 2)),
        pool("max_pool2d", "ceil_mode", F.max_pool2d, (1, 2, 5, 5), 2, ceil_mode=True),
        pool("max_pool2d", "indices", F.max_pool2d, (1, 2, 4, 4), 2, return_indices=True),
        pool("max_pool2d", "one image without a batch", F.max_pool2d, (2, 4, 4), 2),
        case("max_pool2d", "ties", lambda x: F.max_pool2d(x, 2), exactly(TIES)),
        case("max_pool2d", "ties, overlapping", lambda x: F.max_pool2d(x, 2, 1), exactly(TIES)),
        pool("avg_pool2d", "", F.avg_pool2d, (2, 2, 4, 4), 2),
        pool("avg_pool2d", "overlapping", F.avg_pool2d, (1, 2, 5, 4), 3, stride=1),
        pool("avg_pool2d", "padding", F.avg_pool2d, (2, 1, 4, 5), (2, 3), stride=2, padding=1),
        pool("avg_pool2d", "padding not counted", F.avg_pool2d, (2, 1, 4, 4), 3, 2, padding=1, count_include_pad=False),
        pool("avg_pool2d", "ceil_mode", F.avg_pool2d, (1, 2, 5, 5), 2, 2, padding=1, ceil_mode=True),
        pool("avg_pool2d", "divisor", F.avg_pool2d, (1, 1, 4, 4), 2, divisor_override=3),
        pool("adaptive_avg_pool2d", "even", F.adaptive_avg_pool2d, (2, 2, 4, 4), 2),
        pool("adaptive_avg_pool2d", "overlapping", F.adaptive_avg_pool2d, (2, 1, 5, 7), (3, 4)),
        pool("adaptive_avg_pool2d", "larger than the input", F.adaptive_avg_pool2d, (1, 1, 2, 3), (3, None)),
        pool("adaptive_max_pool2d", "even", F.adaptive_max_pool2d, (2, 2, 4, 4), 2),
        pool("adaptive_max_pool2d", "overlapping", F.adaptive_max_pool2d, (2, 1, 5, 7), (3, 4)),
    ]


def normalisations() -> list[Case]:
    """Batch normalisation with the statistics of the batch and with given ones; lengths brought to one."""

    def by_batch(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        return F.batch_norm(x, None, None, weight, bias, training=True)

    def by_running_averages(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        mean, var = Tensor(np.array([0.3, -1.0])), Tensor(np.array([0.5, 2.0]))
        return F.batch_norm(x, beside(x, mean), beside(x, var), weight, bias, eps=0.1)

    def keeping_averages(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.batch_norm(x, beside(x, np.zeros(2)), beside(x, np.ones(2)), weight, bias, training=True)

    return [
        case("batch_norm", "training, images", by_batch, (3, 2, 2, 3), (2,), (2,)),
        case("batch_norm", "training, rows", by_batch, (5, 2), (2,), (2,)),
        case("batch_norm", "training, sequences", by_batch, (2, 2, 4), (2,), (2,)),
        case("batch_norm", "training, no weight", by_batch, (3, 2, 2, 2)),
        case("batch_norm", "training, weight only", by_batch, (3, 2, 2, 2), (2,)),
        case("batch_norm", "training, running averages kept", keeping_averages, (3, 2, 2, 2), (2,), (2,)),
        case("batch_norm", "inference, images", by_running_averages, (3, 2, 2, 3), (2,), (2,)),
        case("batch_norm", "inference, rows", by_running_averages, (5, 2), (2,), (2,)),
        case("batch_norm", "inference, no weight", by_running_averages, (3, 2, 2, 2)),
        case("normalize", "", F.normalize, (3, 4)),
        case("cosine_similarity", "", F.cosine_similarity, (3, 4), (3, 4)),
        case("pairwise_distance", "", F.pairwise_distance, (3, 4), (3, 4)),
    ]


def dropouts() -> list[Case]:
    """Dropout under a seed, so that the mask stays the same."""

    def seeded(p: float) -> Any:
        return lambda x: F.dropout(x, p, generator=Generator(x.device).manual_seed(0))

    def by_key(x: Tensor) -> Tensor:
        return dropped_by_key(x, beside(x, np.array([3, 5])), 0.4)

    return [
        case("dropped_by_key", "as on a GPU", by_key, (2, 3, 2, 2)),
        case("dropout", "rows", seeded(0.5), (4, 5)),
        case("dropout", "images", seeded(0.3), (2, 2, 3, 3)),
        case("dropout", "everything dropped", seeded(1.0), (2, 3)),
    ]


def margins() -> list[Case]:
    """Padding in every mode."""
    own_elements = [
        case("pad", mode, lambda x, mode=mode: F.pad(x, (2, 1, 1, 2), mode), (2, 3, 4))
        for mode in ("reflect", "replicate", "circular")
    ]
    return [
        *own_elements,
        case("pad", "circular and cut", lambda x: F.pad(x, (-1, 2), "circular"), (2, 5)),
        case("pad", "constant", lambda x: F.pad(x, (1, 2, 0, 1), value=3.0), (2, 3, 2)),
        case("pad", "constant, negative widths", lambda x: F.pad(x, (-1, 1, 2, -1)), (2, 3, 3)),
    ]


def labelled(function: str, loss: Any, label: str, shape: tuple[int, ...], target: Tensor, options: Any) -> Case:
    """A loss between scores of this shape and labels, with class weights among the options or none."""

    def of_scores(x: Tensor) -> Tensor:
        there = {key: beside(x, value) if isinstance(value, Tensor) else value for key, value in options.items()}
        return loss(x, beside(x, target), **there)

    return case(function, label, of_scores, shape)


def classifier_losses() -> list[Case]:
    """Cross-entropy of labels and of probabilities, and the negative log-likelihood."""

    def of_labels(label: str, x: tuple[int, ...] = (4, 3), target: Tensor = LABELS, **options: Any) -> Case:
        return labelled("cross_entropy", F.cross_entropy, label, x, target, options)

    def likelihood(label: str, x: tuple[int, ...] = (4, 3), target: Tensor = LABELS, **options: Any) -> Case:
        return labelled("nll_loss", F.nll_loss, label, x, target, options)

    places = Tensor(np.array([[2, 0], [1, -100]]))
    return [
        of_labels("mean"),
        of_labels("sum", reduction="sum"),
        of_labels("each", reduction="none"),
        of_labels("class weights", weight=CLASS_WEIGHTS),
        of_labels("ignored labels", target=WITH_IGNORED),
        of_labels("smoothing", label_smoothing=0.2),
        of_labels("all options", target=WITH_IGNORED, weight=CLASS_WEIGHTS, label_smoothing=0.1),
        of_labels(
            "all options, each", target=WITH_IGNORED, weight=CLASS_WEIGHTS, label_smoothing=0.1, reduction="none"
        ),
        of_labels("places", (2, 3, 2), places),
        of_labels("one sample", (3,), Tensor(np.array(1))),
        case(
            "label_cross_entropy",
            "large scores",
            lambda x: F.cross_entropy(x, beside(x, LABELS)),
            exactly([[700, 701, 699], [-900, -901, -899], [800, 0, 799], [0, 30, 29]]),
        ),
        case("cross_entropy", "probabilities", F.cross_entropy, (4, 3), positive((4, 3))),
        case(
            "cross_entropy",
            "probabilities, all options",
            lambda x, t: F.cross_entropy(x, t, weight=beside(x, CLASS_WEIGHTS), label_smoothing=0.1, reduction="sum"),
            (4, 3),
            positive((4, 3)),
        ),
        likelihood("mean"),
        likelihood("all options", target=WITH_IGNORED, weight=CLASS_WEIGHTS),
        likelihood("each, places", (2, 3, 2), places, reduction="none"),
    ]


def number_losses() -> list[Case]:
    """Losses between numbers, and between probabilities."""
    probability = positive((3, 4), 0.05, 0.95)
    weights = Tensor(np.array([0.5, 1, 2, 3.0]))
    return [
        case("mse_loss", "mean", F.mse_loss, (3, 4), (3, 4)),
        case("mse_loss", "each", lambda x, t: F.mse_loss(x, t, reduction="none"), (3, 4), (3, 4)),
        case("l1_loss", "mean", F.l1_loss, (3, 4), (3, 4)),
        case("l1_loss", "at 0", lambda x, t: F.l1_loss(x, t, reduction="sum"), exactly([1, 2]), exactly([1, 3])),
        case("smooth_l1_loss", "beta", lambda x, t: F.smooth_l1_loss(x, t, beta=0.7), (3, 4), (3, 4)),
        case("huber_loss", "sum", lambda x, t: F.huber_loss(x, t, "sum", 0.7), (3, 4), (3, 4)),
        case("binary_cross_entropy", "mean", F.binary_cross_entropy, probability, probability),
        case(
            "binary_cross_entropy",
            "weight",
            lambda x, t: F.binary_cross_entropy(x, t, beside(x, weights)),
            probability,
            probability,
        ),
        case("binary_cross_entropy_with_logits", "mean", F.binary_cross_entropy_with_logits, (3, 4), probability),
        case(
            "binary_cross_entropy_with_logits",
            "pos_weight",
            lambda x, t, v: F.binary_cross_entropy_with_logits(x, t, reduction="sum", pos_weight=v),
            (3, 4),
            probability,
            positive((4,)),
        ),
        case("kl_div", "batchmean", lambda x, t: F.kl_div(x, t, reduction="batchmean"), (3, 4), probability),
        case("kl_div", "log_target", lambda x, t: F.kl_div(x, t, log_target=True), (3, 4), (3, 4)),
    ]


ON_KERNELS = [*convolutions(), *pools(), *normalisations(), *dropouts(), *classifier_losses()]
CASES = [*on_both_implementations(ON_KERNELS), *margins(), *number_losses()]
