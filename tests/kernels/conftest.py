"""Fixtures for the kernel tests."""

import pytest

from minitorch_kernels import kernel


@pytest.fixture
def empty_registry(monkeypatch):
    """A registry of its own, so that kernels made up by a test leave no trace."""
    monkeypatch.setattr(kernel, "REGISTRY", {})
    return kernel.REGISTRY
