"""What the networks share: how the book draws their first weights, and what they say about images that do not fit."""

from __future__ import annotations

from itertools import count

from .. import nn
from ..tensor import Tensor


def xavier_weights(module: nn.Module) -> None:
    """Xavier-uniform weights for a convolution or linear layer, as the book draws them: `net.apply(xavier_weights)`."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)


def map_side(network: str, features: nn.Module, image_size: int) -> int:
    """The side of the map that convolutions and pools one after the other make of a square image.

    ValueError that names the smallest possible image where no pixel is left.
    """
    side = side_after(features, image_size)
    if side < 1:
        least = next(size for size in count(1) if side_after(features, size) >= 1)
        raise ValueError(
            f"{network}: image_size={image_size} leaves no pixel after its convolutions and pools; "
            f"choose {least} or more"
        )
    return side


def side_after(features: nn.Module, side: int) -> int:
    """⌊(side + 2p - k) / s⌋ + 1 for each convolution and pool in turn; below 1 where one of them does not fit."""
    for layer in features.modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            k, s, p = (
                value if isinstance(value, int) else value[0]
                for value in (layer.kernel_size, layer.stride, layer.padding)
            )
            side = (side + 2 * p - k) // s + 1
    return side


def check_images(
    network: str, x: Tensor, in_channels: int, size: tuple[int, int] | None = None, least: int | None = None
) -> None:
    """ValueError where x is not (N, in_channels, H, W), or H and W are not `size`, or are smaller than `least`.

    size: for networks that end in a linear layer over a map of fixed size; least: the smallest side that the strides
    and pools of a network leave a pixel of.
    """
    sides = size or ("H", "W")
    wanted = f"({', '.join(str(n) for n in ('N', in_channels, *sides))})"
    if x.ndim != 4 or x.shape[1] != in_channels:
        raise ValueError(
            f"{network}: takes images of shape {wanted}, got {tuple(x.shape)}; give it such images, "
            f"or build it with in_channels={x.shape[1] if x.ndim == 4 else 'the number of their channels'}"
        )
    if size is not None and tuple(x.shape[2:]) != size:
        raise ValueError(f"{network}: takes images of shape {wanted}, got {tuple(x.shape)}; resize them to {size}")
    if least is not None and min(x.shape[2:]) < least:
        raise ValueError(
            f"{network}: needs images of at least {least}x{least} pixels, got {tuple(x.shape)}; resize them"
        )


def check_sizes(network: str, in_channels: int, num_classes: int) -> None:
    """ValueError where a network is to be built for no channels, or for no classes."""
    for name, size in (("in_channels", in_channels), ("num_classes", num_classes)):
        if size < 1:
            raise ValueError(f"{network}: {name}={size}; choose 1 or more")
