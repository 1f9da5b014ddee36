"""The tests of this folder run on the simulated GPU, which a C++ compiler has to build."""

import os
import shutil

import pytest


@pytest.fixture(autouse=True)
def compiler():
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("there is no C++ compiler: install g++")
