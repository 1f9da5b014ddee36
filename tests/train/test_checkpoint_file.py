import errno
import io
import json
import os
import pickle
import resource
import zipfile

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from minitorch_cv.train import CheckpointError
from minitorch_cv.train.checkpoint_file import FORMAT, read_file, write_file

ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": np.array(3.0, np.float32),
    "count": np.array([7], np.int64),
}
STATE = {"rate": 0.1, "big": 2**127 + 1, "best": float("-inf"), "text": "ä", "none": None, "list": [1, [2]]}


@pytest.fixture
def path(tmp_path):
    """A checkpoint that lies there."""
    write_file(tmp_path / "c.safetensors", ARRAYS, STATE)
    return tmp_path / "c.safetensors"


def test_everything_comes_back(path):
    arrays, state = read_file(path)
    assert state == STATE
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()


def test_it_is_a_safetensors_file_that_others_read(path):
    with safe_open(path, framework="numpy") as file:
        np.testing.assert_array_equal(file.get_tensor("weight"), ARRAYS["weight"])
        assert json.loads(file.metadata()["minitorch_cv"])["format"] == FORMAT


def test_values_do_not_depend_on_the_order_in_memory(tmp_path):
    write_file(tmp_path / "c", {"w": np.asfortranarray(ARRAYS["weight"])}, {})
    np.testing.assert_array_equal(read_file(tmp_path / "c")[0]["w"], ARRAYS["weight"])


def test_numpy_numbers_are_kept_and_other_objects_refused(tmp_path):
    write_file(tmp_path / "c", {}, {"lr": np.float32(0.5), "n": np.int64(3)})
    assert read_file(tmp_path / "c")[1] == {"lr": 0.5, "n": 3}
    with pytest.raises(TypeError, match="a checkpoint holds arrays and what JSON can hold, not set"):
        write_file(tmp_path / "c", {}, {"set": {1}})


def test_every_changed_byte_is_found(path):
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 0x21
        path.write_bytes(changed)
        with pytest.raises(CheckpointError) as raised:
            read_file(path)
        assert str(raised.value).startswith(f"{path}: ")
    path.write_bytes(content)
    read_file(path)


def test_every_shorter_or_longer_file_is_refused(path):
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="truncated, damaged or no safetensors file"):
            read_file(path)
    path.write_bytes(content + b"x")
    with pytest.raises(CheckpointError, match="truncated, damaged or no safetensors file"):
        read_file(path)


def test_exchanged_names_are_found(path):
    """Two arrays of one size that swapped their names: every tensor is whole, but not what was saved."""
    write_file(path, {"aa": np.zeros(2), "bb": np.ones(2)}, {})
    path.write_bytes(path.read_bytes().replace(b'"aa"', b'"__"').replace(b'"bb"', b'"aa"').replace(b'"__"', b'"bb"'))
    with pytest.raises(CheckpointError, match="damaged: its content does not have the SHA-256 it was saved with"):
        read_file(path)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"weight": 1}, protocol=2),
        pickle.dumps({"weight": 1}),
        pytest.param(lambda: zipped(), id="zip"),
    ],
)
def test_pickles_are_refused_unread(tmp_path, content, monkeypatch):
    monkeypatch.setattr(pickle, "loads", pytest.fail)
    monkeypatch.setattr(pickle, "load", pytest.fail)
    (tmp_path / "model.pt").write_bytes(content() if callable(content) else content)
    with pytest.raises(CheckpointError, match=r"a zip archive or pickle, as torch\.save writes; these are never read"):
        read_file(tmp_path / "model.pt")


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, "it is a safetensors file, for instance of weights alone, but no checkpoint"),
        ({"minitorch_cv": json.dumps({"model": "lenet"})}, "for instance of weights alone, but no checkpoint"),
        ({"minitorch_cv": "[]"}, "but no checkpoint"),
        ({"minitorch_cv": "{"}, "but no checkpoint"),
        (
            {"minitorch_cv": json.dumps({"format": "minitorch_cv checkpoint 9"})},
            "it is in the format 'minitorch_cv checkpoint 9', not 'minitorch_cv checkpoint 1'",
        ),
    ],
)
def test_foreign_safetensors_files_are_refused(tmp_path, metadata, words):
    (tmp_path / "w.safetensors").write_bytes(save(ARRAYS, metadata))
    with pytest.raises(CheckpointError) as raised:
        read_file(tmp_path / "w.safetensors")
    assert words in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        read_file(tmp_path / "nowhere")


def refuse_to_write(path):
    """Saving fails with one line, removes what it wrote and leaves the earlier file."""
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as raised:
        write_file(path, {"weight": np.zeros(100_000)}, {})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    return str(raised.value)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_that_shows_when_data_are_forced_out(path, monkeypatch, call):
    def full(*given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    assert refuse_to_write(path) == (
        f"the checkpoint {path} cannot be written (No space left on device); what is on disk is as it was: make room "
        "or choose another folder, and go on from the last checkpoint with --resume, if there is one"
    )


def test_a_file_that_must_not_grow_further(path):
    """A real write that stops half-way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        message = refuse_to_write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written (File too large)" in message


def test_the_content_is_on_disk_before_the_name_points_to_it(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *given, name=name, original=original: (calls.append(name), original(*given))[1]
        )
    write_file(path, ARRAYS, STATE)
    assert calls == ["fsync", "replace", "fsync"]


def test_an_interruption_leaves_no_temporary_file(path, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, ARRAYS, STATE)
    assert os.listdir(path.parent) == [path.name]
