"""The multilayer perceptron: linear layers with ReLU between. Source: Dive into Deep Learning, sections 5.2 and 5.6."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes
from .linear import normal_weights


class MLP(nn.Module):
    """Hidden layers with ReLU, then a linear layer to the classes: (N, C, S, S) -> (N, num_classes), S the image_size.

    hidden: the width of each hidden layer. dropout: the share of hidden outputs that is dropped in training, one number
    for all hidden layers or one for each; 0 leaves the dropout layer out. The book's section 5.6 has
    hidden=(256, 256), dropout=(0.5, 0.5). Weights start normal with standard deviation 0.01, biases at 0.
    203,530 parameters with the defaults. ValueError for a width below 1, and where dropout does not fit hidden.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 28,
        hidden: Sequence[int] = (256,),
        dropout: float | Sequence[float] = 0.0,
    ):
        super().__init__()
        check_sizes("MLP", in_channels, num_classes)
        if any(width < 1 for width in hidden):
            raise ValueError(f"MLP: hidden={tuple(hidden)}; every width must be 1 or more")
        rates = [dropout] * len(hidden) if isinstance(dropout, (int, float)) else list(dropout)
        if len(rates) != len(hidden):
            raise ValueError(
                f"MLP: dropout={tuple(rates)} for {len(hidden)} hidden layers; give one number, or one for each layer"
            )
        self.in_channels = in_channels
        self.image_size = image_size
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())  # (N, C, S, S) -> (N, C S S)
        features = in_channels * image_size**2
        for i, (width, rate) in enumerate(zip(hidden, rates), start=1):
            layers[f"fc{i}"] = nn.Linear(features, width)  # -> (N, width)
            layers[f"act{i}"] = nn.ReLU()
            if rate:
                layers[f"dropout{i}"] = nn.Dropout(rate)
            features = width
        layers[f"fc{len(hidden) + 1}"] = nn.Linear(features, num_classes)
        self.layers = nn.Sequential(layers)
        self.apply(normal_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("MLP", input, self.in_channels, size=(self.image_size, self.image_size))
        return self.layers(input)


def mlp(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: int = 28,
    hidden: Sequence[int] = (256,),
    dropout: float | Sequence[float] = 0.0,
) -> MLP:
    """A multilayer perceptron with fresh weights."""
    return MLP(in_channels, num_classes, image_size, hidden, dropout)
