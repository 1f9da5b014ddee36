"""What the networks share: how the book draws their first weights, and what they say about images that do not fit."""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor


def xavier_weights(module: nn.Module) -> None:
    """Xavier-uniform weights for a convolution or linear layer, as the book draws them: `net.apply(xavier_weights)`."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)


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
