import json
import re
from pathlib import Path

import pytest

from minitorch_cv.train import CheckpointError, Epoch, Progress, RunFolder
from minitorch_cv.train.run_folder import FILES, find_checkpoint, new_folder

EPOCH = Epoch(1, 0.5, 0.75, 0.625, 1000.0, 2.0)


def test_every_epoch_is_a_line_on_disk_at_once(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b")
    for count in (1, 2):
        folder.write_metrics([EPOCH] * count)
        lines = (tmp_path / "a" / "b" / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == count
    assert json.loads(lines[0]) == {
        "epoch": 1,
        "train_loss": 0.5,
        "train_acc": 0.75,
        "test_acc": 0.625,
        "images_per_second": 1000.0,
        "seconds": 2.0,
    }


def test_config_is_kept(tmp_path):
    RunFolder(tmp_path).write_config({"lr": 0.9, "limit": None})
    assert json.loads((tmp_path / "config.json").read_text()) == {"lr": 0.9, "limit": None}


def test_files_of_an_earlier_run_are_removed_and_others_kept(tmp_path):
    for name in (*FILES, "notes.txt"):
        (tmp_path / name).write_text("old")
    folder = RunFolder(tmp_path)
    assert folder.holds_a_run()
    assert folder.written() == list(FILES), "nothing is removed before the first file is written"
    folder.begin()
    assert folder.written() == []
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def checkpoint(folder, epoch, batch):
    """Save something as the checkpoint of this position."""
    path = folder.checkpoint_path(Progress(epoch, batch))
    path.write_text("")
    folder.keep_checkpoint(path)
    return path


def test_the_last_two_checkpoints_are_kept(tmp_path):
    folder = RunFolder(tmp_path)
    paths = [checkpoint(folder, *position) for position in ((1, 9), (1, 10), (2, 0))]
    (tmp_path / "checkpoint-00001-0000004.safetensors.0123456789abcdef.tmp").write_text(
        "left by a process that was killed"
    )
    paths.append(checkpoint(folder, 10, 0))
    assert sorted(tmp_path.iterdir()) == paths[-2:]
    assert find_checkpoint(tmp_path) == paths[-1]
    assert find_checkpoint(paths[0]) == paths[0]


def test_a_new_run_removes_checkpoints_and_one_that_goes_on_keeps_them(tmp_path, monkeypatch):
    first = RunFolder(tmp_path)
    older, newer = checkpoint(first, 1, 0), checkpoint(first, 2, 0)
    first.close()
    monkeypatch.chdir(tmp_path)
    resumed = RunFolder(tmp_path, Path(older.name))
    assert resumed.written() == [older.name, newer.name]
    saved = checkpoint(resumed, 1, 5)
    assert resumed.written() == [older.name, saved.name]
    resumed.close()
    RunFolder(tmp_path).begin()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_checkpoints(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint in this folder"):
        find_checkpoint(tmp_path)


def test_written_names_what_is_there(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_metrics([EPOCH])
    folder.write_config({})
    assert folder.written() == ["config.json", "metrics.jsonl"]


def test_a_file_in_the_way_is_an_os_error(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        RunFolder(tmp_path / "taken")


def test_new_folder_is_named_after_model_and_time_and_never_there(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda form: "20260102-030405")
    names = []
    for _ in range(3):
        path = new_folder(tmp_path, "lenet")
        assert path.is_dir()
        names.append(path.name)
    assert names == ["lenet-20260102-030405", "lenet-20260102-030405-2", "lenet-20260102-030405-3"]


def test_the_time_in_the_name_sorts(tmp_path):
    assert re.fullmatch(r"lenet-\d{8}-\d{6}", new_folder(tmp_path, "lenet").name)
