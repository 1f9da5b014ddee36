"""Which samples of a data set are meant: places are whole numbers, never truth values or fractions."""

from __future__ import annotations

from typing import Any

import numpy as np


def places(indices: Any) -> np.ndarray:
    """Indices of samples (N,), in a list, range, array or tensor, as int64; negative ones count from the end.

    NumPy would take a mask for the places 0 and 1, and cut 1.5 down to 1: TypeError for both.
    """
    array = np.asarray(indices)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        kind = f"an array of {array.dtype} and shape {array.shape}"
        fix = "np.flatnonzero(mask)" if array.dtype.kind == "b" else "a list of whole numbers"
        raise TypeError(f"indices of samples: {kind} is not a row of places in a data set; pass {fix}")
    return array.astype(np.int64)
