"""What is in a run's folder is kept: through refused starts, a second run, signals, full disks and folders that go."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minitorch_cv.cli import main, run
from minitorch_cv.train import Epoch, RunFolder, whole_file
from minitorch_cv.train.folder_lock import FolderInUseError, FolderLock
from minitorch_cv.train.run_folder import FILES

from .runs import at_step, metrics

ROOT = Path(__file__).parents[2]


def contents(folder):
    """Every file below the folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fails_in_the_first_batch(monkeypatch):
    def fit(*given, **options):
        raise ValueError("conv2d: images that the network does not take")

    monkeypatch.setattr(run, "fit", fit)


REFUSALS = {
    "no tensorboardX": ["--tensorboard"],
    "images of other channels": ["--option", "in_channels=3"],
    "an unknown option": ["--option", "wings=2"],
    "a rate without sense": ["--lr", "-1"],
    "an unknown class": ["--classes", "Hat"],
    "no such data": ["--data", "nowhere"],
    "a first batch that does not fit": [],
}


@pytest.mark.parametrize("again", ["new", "resumed"])
@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_start_leaves_the_run_that_was_there(train, out, monkeypatch, capsys, name, again):
    assert train() == 0
    before = contents(out)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    if name == "a first batch that does not fit":
        fails_in_the_first_batch(monkeypatch)
    if again == "new":
        assert train(*REFUSALS[name]) == 2
    else:
        assert main(["train", "lenet", "--resume", str(out), "--epochs", "9", *REFUSALS[name]]) == 2
    assert contents(out) == before
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--tensorboard"], ["--option", "in_channels=3"]])
def test_a_refused_start_leaves_no_new_folder(train, out, monkeypatch, options):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert train(*options) == 2
    assert not out.exists() or options[0] == "--option"  # of the latter, the first batch shows it


def test_files_of_others_are_never_removed(train, out):
    out.mkdir()
    for name in ("notes.txt", "weights.bin", "checkpoint.txt", "config.yaml"):
        (out / name).write_text(name)
    assert train() == 0
    assert train() == 0
    assert [(out / name).read_text() for name in ("notes.txt", "config.yaml")] == ["notes.txt", "config.yaml"]


def test_a_finished_run_that_goes_on_keeps_its_weights_until_there_are_others(train, out, monkeypatch):
    assert train() == 0
    before = contents(out)

    class Killed(BaseException):
        """As if the process were gone."""

    def kill():
        raise Killed

    at_step(monkeypatch, 3, 1, kill)
    with pytest.raises(Killed):
        main(["train", "lenet", "--resume", str(out), "--epochs", "9"])
    after = contents(out)
    assert {name: after[name] for name in before if name != "config.json"} == {
        name: content for name, content in before.items() if name != "config.json"
    }


def test_one_folder_holds_one_run(train, out, capsys):
    folder = RunFolder(out)
    assert train() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "is writing to the folder" in error
    assert f"(process {os.getpid()})" in error or not os.path.exists("/proc/locks")
    folder.close()
    assert train() == 0


@pytest.mark.skipif(os.name != "posix", reason="folders are locked on POSIX alone")
def test_a_lock_ends_with_whoever_holds_it(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderInUseError, match="another run"):
        FolderLock(tmp_path)
    lock.release()
    other = FolderLock(tmp_path)
    del other
    program = "import sys, time; from minitorch_cv.train.folder_lock import FolderLock; from pathlib import Path; "
    program += f"lock = FolderLock(Path({str(tmp_path)!r})); print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout.readline() == "held\n"
    with pytest.raises(FolderInUseError):
        FolderLock(tmp_path)
    process.kill()
    process.wait()
    process.stdout.close()
    FolderLock(tmp_path).release()


def test_the_way_to_the_folder_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    monkeypatch.chdir(tmp_path)
    held = RunFolder(Path("run"))
    for path in (Path("link"), tmp_path / "run", Path("run/../run")):
        with pytest.raises(FolderInUseError):
            RunFolder(path)
    held.close()


def test_reading_needs_no_lock(train, out, capsys):
    assert train() == 0
    folder = RunFolder(out)
    capsys.readouterr()
    assert main(["predict", str(out), str(out / "curves.png")]) == 0
    folder.close()


def environment():
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(
    ("number", "status", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_signal_saves_and_says_so(train, out, monkeypatch, capsys, number, status, name):
    at_step(monkeypatch, 2, 1, lambda: signal.raise_signal(number))
    assert train() == status
    shown = capsys.readouterr().out
    assert f"stopped by {name} in epoch 2 of 2, after batch 1 of 2" in shown
    assert (out / "checkpoint-00002-0000001.safetensors").exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    monkeypatch.undo()


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_process_that_is_told_to_end_saves_first(tmp_path):
    program = [sys.executable, "-u", "-m", "tests.command_process", "train", "lenet", "--out", str(tmp_path / "run")]
    options = ["--limit", "2000", "--batch-size", "8", "--epochs", "50"]
    process = subprocess.Popen(
        [*program, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )
    for line in process.stdout:
        if line.startswith("  epoch"):
            break
    time.sleep(0.5)
    process.terminate()
    shown, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM" in shown
    assert "Traceback" not in errors
    assert list((tmp_path / "run").glob("checkpoint-*.safetensors"))


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_signals_while_it_saves_are_ignored(train, out, monkeypatch, capsys):
    save = run.Run.save

    def interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        save(self)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(run.Run, "save", interrupted)
    at_step(monkeypatch, 1, 1, lambda: signal.raise_signal(signal.SIGINT))
    assert train() == 130
    assert (out / "weights.safetensors").exists()
    assert "stopped by Ctrl-C in epoch 1 of 2, after batch 1 of 2" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_second_signal_ends_at_once_and_promises_nothing(train, out, monkeypatch, capsys):
    def twice():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

    at_step(monkeypatch, 2, 1, twice)
    assert train() == 143
    shown = capsys.readouterr().out
    assert "stopped by SIGTERM in the middle of a batch, which is not saved" in shown
    assert not (out / "checkpoint-00002-0000001.safetensors").exists()


def fails_at(monkeypatch, name, number):
    """From here on, no file whose name begins so can be put in place."""
    replace = os.replace

    def failing(old, new):
        if os.path.basename(new).startswith(name):
            raise OSError(number, os.strerror(number))
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("name", [*FILES, "checkpoint-00002", "checkpoint-00003"])
def test_a_file_that_cannot_be_written_is_one_line(train, out, monkeypatch, capsys, name, number):
    with monkeypatch.context() as patch:
        fails_at(patch, name, number)
        assert train() == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2, "the line on the built-in subset, and the error"
    assert f"{name}" in errors[-1]
    assert f"cannot be written ({os.strerror(number)})" in errors[-1]
    assert not [path.name for path in out.iterdir() if path.name.endswith(".tmp")]
    assert train() == 0


def test_nothing_is_written_after_a_failed_save(train, out, monkeypatch):
    written = []
    replace = os.replace

    def failing(old, new):
        if os.path.basename(new).startswith("checkpoint-00002"):
            written.clear()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(os.path.basename(new))
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing)
    assert train() == 1
    assert written == []


def test_a_folder_that_is_removed_while_it_trains(train, out, monkeypatch, capsys):
    at_step(monkeypatch, 1, 2, lambda: shutil.rmtree(out))
    assert train() == 1
    errors = capsys.readouterr().err.splitlines()
    assert "cannot be written (No such file or directory)" in errors[-1]
    assert not out.exists()


@pytest.mark.parametrize("place", ["a file", "below a file", "a link to nothing"])
def test_an_out_that_is_no_folder(train, out, capsys, place):
    if place == "a link to nothing":
        out.symlink_to(out.parent / "nowhere" / "at all")
    else:
        out.write_text("mine")
    given = out / "below" if place == "below a file" else out
    assert main(["train", "lenet", "--limit", "16", "--epochs", "1", "--out", str(given)]) == 2
    assert f"cannot write to the folder {given}" in capsys.readouterr().err
    assert place == "a link to nothing" or out.read_text() == "mine"


@pytest.mark.parametrize("name", ["with space", ".hidden", "größe", "a/b/c", "x" * 100])
def test_any_name_will_do(train, out, name, capsys):
    assert (
        main(["train", "lenet", "--limit", "16", "--batch-size", "8", "--epochs", "1", "--out", str(out / name)]) == 0
    )
    assert [line["epoch"] for line in metrics(out / name)] == [1]


def test_a_temporary_file_follows_no_link_and_has_no_name_to_guess(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(whole_file.secrets, "token_hex", lambda size: "guessed")
    (tmp_path / "config.json.guessed.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError):
        whole_file.write_whole(tmp_path / "config.json", b"theirs")
    assert victim.read_text() == "mine"


def test_what_is_written_is_on_disk(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino) or fsync(descriptor))
    folder = RunFolder(tmp_path)
    folder.write_config({"a": 1})
    folder.write_metrics([Epoch(1, 0.5, 0.5, 0.5, 1.0, 1.0)])
    for name in ("config.json", "metrics.jsonl"):
        assert (tmp_path / name).stat().st_ino in synced
    assert tmp_path.stat().st_ino in synced
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": 1}


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_files_have_the_permissions_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        whole_file.write_whole(tmp_path / "a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
