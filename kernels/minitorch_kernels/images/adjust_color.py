"""Brightness, contrast, saturation and hue of each image, in an order of its own."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..cuda.launch import THREADS, dense, launch
from ..cuda.layout import empty_channels_last, stored_channels_last
from ..jit import jit, prange
from ..memory import empty
from .kernel import ImageKernel, batch_last, is_bytes

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
UNCHANGED = (1.0, 1.0, 1.0, 0.0)  # the factors that leave an image as it is

GRAY_OF_BYTES = np.array([19595, 38470, 7471], np.float32) / np.float32(1 << 16)
GRAY_OF_FLOATS = np.array([0.2989, 0.587, 0.114])


def adjust_color_reference(images: np.ndarray, factors: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Each image's brightness, contrast, saturation and hue changed by its factors, one after the other.

    images (N, 1 or 3, H, W); factors (N, 4) of the images' dtype, for bytes float32: brightness, contrast and
    saturation from 0 on, where 1 changes nothing, and a hue from -1/2 to 1/2 turns; order int64 (N, 4): a permutation
    of 0 to 3, the change that comes first, second ... -> y (N, C, H, W).

        brightness  y = f x
        contrast    y = m + f (x - m), m the mean of the gray image
        saturation  y = g + f (x - g), g the gray image
        hue         y = x at the same lightness and colourfulness, f turns further round the circle of colours (HSV)

    Values that leave the range are cut off. The gray image is 0.2989 R + 0.587 G + 0.114 B. Bytes: as Pillow's
    ImageEnhance computes the first three (gray and m rounded, each y cut off to a whole number), and y of hue rounded.
    Images of one channel have no saturation and no hue to change.
    """
    y = np.empty_like(images)
    for image, own_factors, own_order, out in zip(images, factors, order, y):
        x = image.astype(factors.dtype)
        for change in own_order:
            if own_factors[change] != UNCHANGED[change]:
                x = changed(x, change, own_factors[change], is_bytes(images))
        out[...] = x
    return y


def changed(x: np.ndarray, change: int, factor: np.floating, whole: bool) -> np.ndarray:
    """One change to one image (C, H, W); `whole` for bytes."""
    if len(x) == 1 and change in (SATURATION, HUE):
        return x
    if change == HUE:
        return turned_hue(x, factor, whole)
    base = np.zeros((), x.dtype)
    if change in (CONTRAST, SATURATION):
        base = gray(x, whole)
    if change == CONTRAST:
        mean = base.mean(dtype=np.float64)
        base = (np.floor(mean + 0.5) if whole else mean).astype(x.dtype)
    y = np.clip(base + factor * (x - base), 0, 255 if whole else 1)
    return np.floor(y) if whole else y


def gray(x: np.ndarray, whole: bool) -> np.ndarray:
    """(C, H, W) -> (H, W). For bytes every step is exact: the weights have 16 binary digits."""
    if len(x) == 1:
        return x[0]
    red, green, blue = (GRAY_OF_BYTES if whole else GRAY_OF_FLOATS).astype(x.dtype)
    mixed = red * x[0] + green * x[1] + blue * x[2]
    return np.floor(mixed + x.dtype.type(0.5)) if whole else mixed


def turned_hue(x: np.ndarray, turns: np.floating, whole: bool) -> np.ndarray:
    """(3, H, W) -> (3, H, W), in float64 inside.

    The circle of colours has six sections, in each of which one channel rises or falls between the smallest and the
    largest value while the others stay; `section` is the place on it, and red, green and blue lie 5, 3 and 1 away.
    """
    red, green, blue = x.astype(np.float64)
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    span = high - low
    divisor = np.where(span == 0, 1, span)
    section = np.where(high == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor)
    section = np.where(high == red, (green - blue) / divisor, section)
    section = section + 6 * np.float64(turns)
    y = np.empty_like(x)
    for channel, away in enumerate((5, 3, 1)):
        place = (section + away) - 6 * np.floor((section + away) / 6)
        value = high - span * np.maximum(np.minimum(np.minimum(place, 4 - place), 1), 0)
        y[channel] = np.floor(value + 0.5) if whole else value
    return y


def adjust_color_cpu(images: np.ndarray, factors: np.ndarray, order: np.ndarray) -> np.ndarray:
    N, C, H, W = images.shape
    whole = is_bytes(images)
    y = empty(images.shape, images.dtype)
    adjust_each(
        np.ascontiguousarray(images).reshape(N, C, H * W),
        np.ascontiguousarray(factors),
        np.ascontiguousarray(order),
        np.array(UNCHANGED),
        (GRAY_OF_BYTES if whole else GRAY_OF_FLOATS).astype(factors.dtype),
        whole,
        y.reshape(N, C, H * W),
    )
    return batch_last(y)


@jit(parallel=True)
def adjust_each(images, factors, order, unchanged, gray_weights, whole, y):
    """images, y (N, C, H * W); each image is worked on in floats of the factors' dtype."""
    N, C, P = images.shape
    for n in prange(N):
        x = np.empty((C, P), factors.dtype)
        x[...] = images[n]
        for change in order[n]:
            factor = factors[n, change]
            if factor == unchanged[change]:
                continue
            if change == BRIGHTNESS:
                blend(x, np.zeros_like(x[0]), factor, whole)
            elif change == CONTRAST:
                blend(x, mean_as_image(gray_image(x, gray_weights, whole), whole), factor, whole)
            elif C == 3 and change == SATURATION:
                blend(x, gray_image(x, gray_weights, whole), factor, whole)
            elif C == 3:
                turn_hue(x, factor, whole)
        y[n] = x


@jit
def blend(x, base, factor, whole):
    """x = base + factor (x - base), inside the range."""
    top = x.dtype.type(255 if whole else 1)
    bottom = x.dtype.type(0)
    for c in range(x.shape[0]):
        for p in range(x.shape[1]):
            value = base[p] + factor * (x[c, p] - base[p])
            value = bottom if value < bottom else top if value > top else value
            x[c, p] = np.floor(value) if whole else value


@jit
def gray_image(x, weights, whole):
    """(C, P) -> (P,)"""
    if x.shape[0] == 1:
        return x[0].copy()
    out = np.empty_like(x[0])
    for p in range(len(out)):
        mixed = weights[0] * x[0, p] + weights[1] * x[1, p] + weights[2] * x[2, p]
        out[p] = np.floor(mixed + x.dtype.type(0.5)) if whole else mixed
    return out


@jit
def mean_as_image(gray, whole):
    """The mean in every place; added up in float64."""
    total = 0.0
    for p in range(len(gray)):
        total += gray[p]
    mean = total / len(gray)
    return np.full_like(gray, np.floor(mean + 0.5) if whole else mean)


@jit
def turn_hue(x, turns, whole):
    """As `turned_hue`, pixel by pixel, in place."""
    for p in range(x.shape[1]):
        red, green, blue = np.float64(x[0, p]), np.float64(x[1, p]), np.float64(x[2, p])
        high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
        span = high - low
        divisor = 1.0 if span == 0 else span
        if high == red:
            section = (green - blue) / divisor
        elif high == green:
            section = 2 + (blue - red) / divisor
        else:
            section = 4 + (red - green) / divisor
        section += 6 * np.float64(turns)
        for channel in range(3):
            away = 5 - 2 * channel
            place = (section + away) - 6 * np.floor((section + away) / 6)
            value = high - span * np.maximum(np.minimum(np.minimum(place, 4 - place), 1.0), 0.0)
            x[channel, p] = np.floor(value + 0.5) if whole else value


def adjust_color_cuda(images: Array, factors: Array, order: Array) -> Array:
    N, C, H, W = images.shape
    y = empty_channels_last(images, images.shape)
    arrays = stored_channels_last(images), dense(factors), dense(order), stored_channels_last(y)
    name = "adjust_bytes" if images.dtype == np.uint8 else "adjust_floats"
    launch("images/adjust_color.cu", name, (N,), (THREADS,), *arrays, H * W, C)
    return y


adjust_color = ImageKernel("adjust_color", adjust_color_reference, adjust_color_cpu, adjust_color_cuda)
