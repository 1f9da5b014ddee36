"""Compiled files of the simulated GPU are loaded only where no other user can have written them."""

import ctypes
import os
from pathlib import Path

import pytest

from minitorch_kernels import code_folder
from minitorch_kernels.cuda import simulator

PROBE = Path(__file__).parent / "probe.cu"

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps folders of users closed by itself")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where compiled files are kept during the test; nothing is compiled, and what would be loaded is read."""
    monkeypatch.setattr(simulator, "cache_parent", lambda: tmp_path / "cache")
    monkeypatch.setattr(simulator, "compile_program", lambda text, target: target.write_text("built"))
    monkeypatch.setattr(ctypes, "CDLL", lambda path: Path(path).read_text())
    monkeypatch.setattr(code_folder, "_warned", False)
    return tmp_path / "cache" / "simulator"


def load():
    return simulator.library.__wrapped__(PROBE, "float")


def test_a_file_is_built_once(folder, monkeypatch):
    assert load() == "built"
    monkeypatch.setattr(simulator, "compile_program", None)
    assert load() == "built"
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o772, 0o720])
def test_a_file_that_others_may_write_to_is_built_again(folder, mode):
    load()
    (file,) = folder.iterdir()
    file.write_text("planted")
    file.chmod(mode)
    assert load() == "built"
    assert file.read_text() == "built"
    assert code_folder.distrust(file) is None


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_others_may_write_to_is_passed_over(folder, mode):
    load()
    (file,) = folder.iterdir()
    file.write_text("planted")
    folder.chmod(mode)
    with pytest.warns(UserWarning, match="other users may write to it.*set NUMBA_CACHE_DIR"):
        assert load() == "built"
    assert file.read_text() == "planted"


def test_a_folder_that_cannot_be_made(folder):
    folder.parent.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="cannot be kept in"):
        assert load() == "built"
