"""Gradient checks of what moves and resamples pixels."""

from __future__ import annotations

from ..nn import functional as F
from .case import Case, case


def shuffles() -> list[Case]:
    """Channels in another order, channels as pixels, pixels as channels."""
    return [
        case("channel_shuffle", "", lambda x: F.channel_shuffle(x, 2), (2, 6, 2, 2)),
        case("channel_shuffle", "sequences", lambda x: F.channel_shuffle(x, 3), (2, 6, 2)),
        case("pixel_shuffle", "", lambda x: F.pixel_shuffle(x, 2), (2, 8, 2, 3)),
        case("pixel_unshuffle", "", lambda x: F.pixel_unshuffle(x, 2), (2, 2, 4, 6)),
        case("pixel_unshuffle", "one image without a batch", lambda x: F.pixel_unshuffle(x, 3), (2, 3, 6)),
    ]


CASES = shuffles()
