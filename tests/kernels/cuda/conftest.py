"""The tests of this folder run on the GPU that --device chose, by default the simulated one."""

import pytest


@pytest.fixture(autouse=True)
def usable_gpu(gpu):
    """Skip where there is no compiler to build the simulated GPU."""
