"""Loss and accuracy, summed up while an epoch runs."""

from __future__ import annotations

from dataclasses import dataclass

from ..distributed.collectives import summed
from ..tensor import Tensor


@dataclass
class Averages:
    """The mean loss and the accuracy over all images added so far.

    The loss of a batch is taken to be the mean over its images, as losses give it with reduction="mean".
    """

    images: int = 0
    loss_sum: float = 0.0
    correct: int = 0

    def add(self, loss: float, logits: Tensor, labels: Tensor) -> None:
        """Count one batch: its mean loss, its logits (N, K) and its labels, (N,) or (N, K)."""
        self.images += len(labels)
        self.loss_sum += loss * len(labels)
        self.correct += count_correct(logits, labels)

    def merge(self, others: Averages) -> None:
        """Count the images of other averages too."""
        self.images += others.images
        self.loss_sum += others.loss_sum
        self.correct += others.correct

    def of_all_ranks(self) -> Averages:
        """Those over the images that any rank has added."""
        images, loss_sum, correct = summed(self.images, self.loss_sum, self.correct)
        return Averages(int(images), loss_sum, int(correct))

    @property
    def loss(self) -> float:
        """The mean loss of an image."""
        return self.loss_sum / self.images

    @property
    def accuracy(self) -> float:
        """The fraction of images whose largest logit is that of their label."""
        return self.correct / self.images


def count_correct(logits: Tensor, labels: Tensor) -> int:
    """For how many of the logits (N, K) the largest stands at the label (N,).

    Labels (N, K) are the probabilities of the classes, as mixing images gives them; the most probable one counts.
    """
    classes = labels.detach().argmax(1) if labels.ndim == 2 else labels
    return int((logits.detach().argmax(1) == classes).sum().item())
