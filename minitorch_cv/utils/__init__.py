"""torch's place for the data tools: `minitorch_cv.utils.data`."""

from . import data

__all__ = ["data"]
