"""Fixtures for the tests of the command line: no network, nothing to compile."""

import pytest

import minitorch_cv
from minitorch_cv.cli import main
from minitorch_cv.data import DataError, sources


@pytest.fixture(autouse=True)
def only_the_built_in_subset(monkeypatch, tmp_path):
    """No variable, system copy, cache or network: every run trains on the built-in subset."""

    def offline(published, folder):
        raise DataError("offline")

    monkeypatch.delenv(sources.VARIABLE, raising=False)
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", (tmp_path / "no-system-copy",))
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "no-cache")
    monkeypatch.setattr(sources, "download", offline)
    sources.download_failure.cache_clear()
    sources.announce_subset.cache_clear()


@pytest.fixture(autouse=True)
def quick_kernels():
    """NumPy's references, as the processes that these tests start have them: nothing to compile."""
    with minitorch_cv.use("reference"):
        yield


@pytest.fixture
def out(tmp_path):
    """The folder of the run."""
    return tmp_path / "run"


@pytest.fixture
def train(out):
    """Trains two epochs of two batches, with further options; returns the exit status."""

    def command(*options):
        small = ("--limit", "16", "--batch-size", "8", "--epochs", "2", "--out", str(out))
        return main(["train", "lenet", *small, *options])

    return command
