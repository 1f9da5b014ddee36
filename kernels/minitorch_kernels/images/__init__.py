"""Kernels that turn images into other images, before the network sees them; without gradients."""

from .adjust_color import adjust_color
from .gather import gather_images, gather_labels
from .resample import resample
from .take_pixels import take_pixels
