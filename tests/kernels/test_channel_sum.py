"""The sum of a channel: of many float32 values as exact as float32 can say it."""

import math
import os

import numpy as np
import pytest

from minitorch_kernels import channel_sum
from minitorch_kernels.channel_sum import BLOCK


@pytest.mark.parametrize("implementation", [channel_sum.reference, channel_sum.cpu])
def test_the_sum_of_many_values_loses_no_digits(implementation, rng):
    values = 40 * BLOCK if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" else 4000 * BLOCK
    dy = rng.uniform(0.1, 0.2, (values, 2)).astype(np.float32)
    exact = [math.fsum(channel) for channel in dy.T.tolist()]
    np.testing.assert_allclose(implementation(dy), exact, rtol=2e-7)
