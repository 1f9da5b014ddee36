"""Compiled code is believed only where no other user can have written it."""

import hashlib
import os
import pickle
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minitorch_kernels import code_folder
from minitorch_kernels import jit as jit_module
from minitorch_kernels.code_folder import MONTH, distrust, make_closed, remove_unused
from minitorch_kernels.jit import jit

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps folders of users closed by itself")

compiling = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="nothing is compiled (NUMBA_DISABLE_JIT)"
)
as_root = pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="only root can give files away")

SOMEBODY = 12345


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where this process keeps compiled code during the test."""
    monkeypatch.setattr(jit_module, "cache_folder", lambda: tmp_path / "kernels")
    monkeypatch.setattr(code_folder, "_warned", False)
    return tmp_path / "kernels"


@pytest.fixture
def compiled(monkeypatch):
    """The names of what is compiled during the test."""
    seen = []
    monkeypatch.setattr(jit_module, "_callback", seen.append)
    return seen


def plus_one(x):
    return x + 1


def minus_one(x):
    return x - 1


@pytest.fixture
def planted(folder):
    """plant(path): put a pickle that leaves a file behind in the place of compiled code, with the right checksum."""
    left_behind = folder.parent / "ran"

    class Evil:
        def __reduce__(self):
            return Path.touch, (left_behind,)

    def plant(path):
        path.unlink(missing_ok=True)
        data = pickle.dumps(Evil())
        path.write_bytes(hashlib.sha256(path.name.encode() + b"\0" + data).digest() + data)
        path.chmod(0o600)
        return left_behind

    return plant


def open_to(mode):
    return lambda path: path.chmod(mode)


def give_away(path):
    os.chown(path, SOMEBODY, -1)


def link_of_somebody(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))
    os.lchown(path, SOMEBODY, -1)


OPENED = [pytest.param(open_to(mode), id=f"{mode:o}") for mode in (0o777, 0o1777, 0o770, 0o722, 0o702)]
GIVEN = [pytest.param(action, marks=as_root) for action in (give_away, link_of_somebody)]


@compiling
@pytest.mark.parametrize("others", OPENED + GIVEN)
def test_a_folder_of_others_is_passed_over(folder, compiled, planted, others):
    """What lies there does not run, nothing is written there, and one warning says why."""
    jit(plus_one)(41)
    (path,) = folder.iterdir()
    left_behind = planted(path)
    others(folder)
    content = path.read_bytes()
    with pytest.warns(UserWarning, match="other user.*set NUMBA_CACHE_DIR") as said:
        results = jit(plus_one)(41), jit(minus_one)(43)
    assert results == (42, 42)
    assert compiled == ["plus_one", "plus_one", "minus_one"]
    assert len(said) == 1
    assert "\n" not in str(said[0].message)
    assert not left_behind.exists()
    assert [file.read_bytes() for file in folder.iterdir()] == [content]


def behind_a_link(path):
    path.rename(path.parent.with_name("target"))
    path.symlink_to(path.parent.with_name("target"))


@compiling
@pytest.mark.parametrize(
    "others",
    [open_to(0o666), open_to(0o620), open_to(0o602), behind_a_link, pytest.param(give_away, marks=as_root)],
)
def test_a_file_of_others_is_compiled_again(folder, compiled, planted, others):
    jit(plus_one)(41)
    (path,) = folder.iterdir()
    left_behind = planted(path)
    others(path)
    assert jit(plus_one)(41) == 42
    assert not left_behind.exists()
    assert jit(plus_one)(41) == 42  # read from the file that has taken the place
    assert compiled == ["plus_one"] * 2
    assert distrust(path) is None
    assert not path.is_symlink()


@compiling
def test_what_is_planted_would_run_where_it_is_believed(folder, planted):
    """So the tests above say something."""
    jit(plus_one)(41)
    (path,) = folder.iterdir()
    left_behind = planted(path)
    with pytest.raises(TypeError):
        jit(plus_one)(41)
    assert left_behind.exists()


@compiling
def test_a_file_in_the_place_of_another_is_compiled_again(folder, compiled):
    jit(plus_one)(41)
    (plus,) = folder.iterdir()
    jit(minus_one)(43)
    (minus,) = set(folder.iterdir()) - {plus}
    plus.replace(minus)
    assert jit(minus_one)(43) == 42
    assert jit(plus_one)(41) == 42
    assert compiled == ["plus_one", "minus_one"] * 2 or compiled == ["plus_one", "minus_one", "minus_one", "plus_one"]


@compiling
def test_code_for_other_types_in_its_place_is_compiled_again(folder, compiled):
    jit(plus_one)(41)
    (of_int,) = folder.iterdir()
    jit(plus_one)(0.5)
    (of_float,) = set(folder.iterdir()) - {of_int}
    of_int.replace(of_float)
    assert jit(plus_one)(0.5) == 1.5
    assert compiled == ["plus_one"] * 3


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_new_folders_are_closed_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        make_closed(tmp_path / "a" / "b" / "kernels")
    finally:
        os.umask(before)
    for made in ("a", "a/b", "a/b/kernels"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == 0o700


def test_folders_that_are_there_stay_as_they_are(tmp_path):
    (tmp_path / "cache").mkdir(mode=0o755)
    make_closed(tmp_path / "cache" / "kernels")
    make_closed(tmp_path / "cache" / "kernels")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o755


@compiling
def test_a_folder_of_ones_own_in_a_place_for_everybody_serves(tmp_path):
    """As NUMBA_CACHE_DIR=/tmp, whatever the umask."""
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o1777)
    program = tmp_path / "program.py"
    program.write_text(
        "from minitorch_kernels.jit import jit, on_compile\non_compile(print)\n"
        "@jit\ndef plus_one(x):\n    return x + 1\nprint(plus_one(41))\n"
    )
    command = ["sh", "-c", 'umask 0; exec "$0" "$@"', sys.executable, str(program)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(place)}
    runs = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [run.stdout.split() for run in runs] == [["plus_one", "42"], ["42"]]
    assert [run.stderr for run in runs] == ["", ""]


@pytest.fixture
def old(tmp_path):
    """A folder of compiled code that was made two months ago."""
    folder = tmp_path / "kernels-00000000"
    folder.mkdir(mode=0o700)
    (folder / "code").touch()
    os.utime(folder, (time.time() - 2 * MONTH,) * 2)
    return folder


def test_what_nobody_used_for_a_month_is_removed(old):
    recent = old.with_name("kernels-11111111")
    recent.mkdir()
    remove_unused(old.parent)
    assert recent.exists()
    assert not old.exists()


def test_a_folder_in_use_stays(old, monkeypatch):
    """It was made two months ago, and a process begins to use it now."""
    used = old.rename(old.with_name(code_folder.cache_folder().name))
    monkeypatch.setattr(code_folder, "cache_parent", lambda: old.parent)
    assert code_folder.cache_folder.__wrapped__() == used
    remove_unused(old.parent)
    assert used.exists()


@as_root
def test_folders_of_others_are_not_removed(old):
    os.chown(old, SOMEBODY, -1)
    remove_unused(old.parent)
    assert (old / "code").exists()


def test_what_a_link_leads_to_is_not_removed(old):
    target = old.rename(old.with_name("mine"))
    old.symlink_to(target)
    remove_unused(old.parent)
    assert (target / "code").exists()
