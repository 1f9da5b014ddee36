"""Gradient checks of what moves and resamples pixels."""

from __future__ import annotations

from typing import Any

from ..nn import functional as F
from .case import Case, case, on_both_implementations


def shuffles() -> list[Case]:
    """Channels in another order, channels as pixels, pixels as channels."""
    return [
        case("channel_shuffle", "", lambda x: F.channel_shuffle(x, 2), (2, 6, 2, 2)),
        case("channel_shuffle", "sequences", lambda x: F.channel_shuffle(x, 3), (2, 6, 2)),
        case("pixel_shuffle", "", lambda x: F.pixel_shuffle(x, 2), (2, 8, 2, 3)),
        case("pixel_unshuffle", "", lambda x: F.pixel_unshuffle(x, 2), (2, 2, 4, 6)),
        case("pixel_unshuffle", "one image without a batch", lambda x: F.pixel_unshuffle(x, 3), (2, 3, 6)),
    ]


def transposed_convolutions() -> list[Case]:
    """conv_transpose2d with all its options."""
    x, w, b = (2, 2, 3, 2), (2, 3, 3, 2), (3,)

    def conv(label: str, *shapes: tuple[int, ...], **options: Any) -> Case:
        return case("conv_transpose2d", label, lambda *inputs: F.conv_transpose2d(*inputs, **options), *shapes)

    return [
        conv("", x, w, b),
        conv("no bias, padding", x, w, padding=(1, 0)),
        conv("stride and output padding", x, w, b, stride=(2, 3), padding=1, output_padding=(0, 2)),
        conv("stride, 16 images", (16, 1, 2, 3), (1, 2, 2, 2), (2,), stride=2),
        conv("output padding below the dilation", x, w, dilation=(2, 3), stride=(1, 2), output_padding=(1, 2)),
        conv("groups", (2, 4, 2, 3), (4, 3, 2, 2), (6,), groups=2, stride=2),
        conv("one image without a batch", (2, 3, 2), w, b, stride=2),
    ]


def interpolations() -> list[Case]:
    """interpolate to larger and smaller sizes."""

    def to(label: str, x: tuple[int, ...], **options: Any) -> Case:
        return case("interpolate", label, lambda x: F.interpolate(x, **options), x)

    return [
        to("nearest, larger", (2, 2, 2, 3), scale_factor=2),
        to("nearest, smaller and larger", (1, 2, 5, 3), size=(3, 7)),
        to("nearest-exact", (2, 1, 4, 3), size=(3, 5), mode="nearest-exact"),
        to("bilinear, larger", (2, 2, 2, 3), scale_factor=2, mode="bilinear"),
        to("bilinear, smaller", (2, 1, 5, 7), size=(2, 3), mode="bilinear"),
        to("bilinear, scale as given", (1, 1, 3, 4), scale_factor=(1.4, 0.6), mode="bilinear"),
        to("bilinear, aligned corners", (2, 2, 3, 2), size=(5, 1), mode="bilinear", align_corners=True),
        to("area", (1, 2, 5, 4), size=(2, 3), mode="area"),
    ]


CASES = [*on_both_implementations([*transposed_convolutions(), *interpolations()]), *shuffles()]
