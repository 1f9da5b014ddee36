"""Kernels that turn images into other images, before the network sees them; without gradients."""

from .resample import resample
from .take_pixels import take_pixels
