"""Fixtures for every test."""

import random

import numpy as np
import pytest

from minitorch_kernels import memory


@pytest.fixture(autouse=True)
def poisoned_buffers(monkeypatch):
    """Fill every uninitialised kernel buffer with NaN, so that an element nobody wrote shows up."""
    monkeypatch.setattr(memory, "poison", True)


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Start each test from the same state of Python's and NumPy's global generators, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - user code may draw from the global generator


@pytest.fixture
def rng():
    """A generator of its own for one test."""
    return np.random.default_rng(0)
