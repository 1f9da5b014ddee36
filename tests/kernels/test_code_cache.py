"""Compiled code on disk: found again, and survived in whatever state the folder is."""

import os
import subprocess
import sys
import warnings

import pytest

from minitorch_kernels import code_folder
from minitorch_kernels import jit as jit_module
from minitorch_kernels.jit import jit

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="nothing is compiled (NUMBA_DISABLE_JIT)"
)

PROGRAM = """
import sys, warnings
from minitorch_kernels.jit import jit, on_compile

@jit
def plus_one(x):
    return x + 1

warnings.simplefilter("always")
on_compile(lambda name: print("compiles", name))
print([plus_one({"int": int, "float": float}[name](41)) for name in sys.argv[1:]])
"""


@pytest.fixture
def start(tmp_path):
    """start(*types): a process that calls one small kernel for these types and keeps its code in tmp_path/cache."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    def start(*types):
        return subprocess.Popen(
            [sys.executable, str(program), *types],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


def finish(process):
    """(lines of output, errors) of a process that has to end well."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.splitlines(), err


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where this process keeps compiled code during the test."""
    monkeypatch.setattr(jit_module, "cache_folder", lambda: tmp_path / "kernels")
    return tmp_path / "kernels"


@pytest.fixture
def compiled(monkeypatch):
    """The names of what is compiled during the test."""
    seen = []
    monkeypatch.setattr(jit_module, "_callback", seen.append)
    return seen


def plus_one(x):
    return x + 1


def test_a_second_process_finds_what_the_first_compiled(start):
    assert finish(start("int")) == (["compiles plus_one", "[42]"], "")
    assert finish(start("int")) == (["[42]"], "")
    assert finish(start("int", "float")) == (["compiles plus_one", "[42, 42.0]"], "")
    assert finish(start("float", "int")) == (["[42.0, 42]"], "")


def test_processes_that_start_at_once_on_an_empty_cache(start):
    """Of different types, too: each finds its own code, then and later."""
    processes = [start("int"), start("float")]
    assert [finish(process)[0][-1] for process in processes] == ["[42]", "[42.0]"]
    assert finish(start("int", "float")) == (["[42, 42.0]"], "")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, empty, flip_a_bit])
def test_damaged_code_is_compiled_again(folder, compiled, damage):
    assert jit(plus_one)(41) == 42
    (path,) = folder.iterdir()
    damage(path)
    assert jit(plus_one)(41) == 42
    assert compiled == ["plus_one"] * 2
    assert jit(plus_one)(41) == 42
    assert compiled == ["plus_one"] * 2


def test_an_edited_source_is_compiled_again(start, tmp_path):
    finish(start("int"))
    program = tmp_path / "program.py"
    program.write_text(program.read_text().replace("x + 1", "x + 2"))
    assert finish(start("int")) == (["compiles plus_one", "[43]"], "")


def test_a_folder_that_cannot_be_written_to(folder, compiled, monkeypatch):
    """Not even root can make a folder below a file."""
    monkeypatch.setattr(code_folder, "_warned", False)
    folder.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="cannot be kept in .*set NUMBA_CACHE_DIR"):
        assert jit(plus_one)(41) == 42
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jit(plus_one)(41.0) == 42.0
    assert compiled == ["plus_one"] * 2


def test_code_is_read_from_a_folder_that_cannot_be_written_to(folder, compiled, monkeypatch):
    from minitorch_kernels import code_cache

    jit(plus_one)(41)

    def refuse(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(code_cache.tempfile, "mkstemp", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jit(plus_one)(41) == 42
    assert compiled == ["plus_one"]


def test_the_chosen_folder_may_be_no_folder(start, tmp_path):
    (tmp_path / "cache").write_text("")
    lines, errors = finish(start("int", "float"))
    assert lines == ["compiles plus_one"] * 2 + ["[42, 42.0]"]
    assert errors.count("cannot be kept") == 1


def test_nothing_half_written_is_left(folder, monkeypatch):
    """Where the disk is full, say, the file beside the place goes away again."""
    from minitorch_kernels import code_cache

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_folder, "_warned", False)
    monkeypatch.setattr(code_cache.os, "replace", full)
    with pytest.warns(UserWarning, match="No space left"):
        assert jit(plus_one)(41) == 42
    assert list(folder.iterdir()) == []
