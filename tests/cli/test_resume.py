"""`minitorch-cv train --resume`: goes on to the same weights, refuses what does not belong together."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from safetensors.numpy import load_file

import minitorch_cv
from minitorch_cv.cli import main, run
from minitorch_cv.train import Checkpoint, read_metadata
from minitorch_cv.train.checkpoint_file import write_file

from .runs import at_step, metrics

ROOT = Path(__file__).parents[2]
SMALL = ["--limit", "16", "--batch-size", "4", "--epochs", "2", "--activation", "relu", "--lr", "0.05"]
EVERYTHING = [
    *("--optimizer", "sgd", "--momentum", "0.9", "--weight-decay", "1e-3", "--schedule", "one-cycle", "--seed", "3"),
    *("--mixup", "0.5", "--label-smoothing", "0.1", "--clip-norm", "1", "--ema", "0.9"),
]


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Drawing takes longer than the training; test_train.py looks at the figures."""
    monkeypatch.setattr(run.Run, "draw_predictions", lambda self: None)
    monkeypatch.setattr(run, "plot_curves", lambda *given: Figure())


def train(out, *options, small=True):
    """Run the command into the folder; returns the exit status."""
    return main(["train", "lenet", *(SMALL if small else []), "--out", str(out), *options])


def stopped(out, monkeypatch, epoch, batch, *options):
    """A run that Ctrl-C stopped after this batch."""
    with monkeypatch.context() as patch:
        at_step(patch, epoch, batch, lambda: signal.raise_signal(signal.SIGINT))
        assert train(out, *options) == 130


def resume(path, *options):
    """Go on from the folder or file; returns the exit status."""
    return main(["train", "lenet", "--resume", str(path), *options])


def outcome(out):
    """The bits of the weights, and what was measured."""
    return {name: array.tobytes() for name, array in load_file(out / "weights.safetensors").items()}, metrics(out)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a run with everything reaches without a stop, in a process of its own."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    in_a_process("train", "lenet", *SMALL, *EVERYTHING, "--out", str(out))
    return outcome(out)


def in_a_process(*arguments):
    """Run the command in a fresh process."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-m", "tests.command_process", *arguments],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize(("epoch", "batch"), [(1, 1), (1, 4), (2, 2), (2, 4)])
def test_stopped_and_gone_on_with_it_reaches_the_same(tmp_path, monkeypatch, undisturbed, epoch, batch):
    out = tmp_path / "run"
    stopped(out, monkeypatch, epoch, batch, *EVERYTHING)
    assert (out / f"checkpoint-{epoch:05d}-{batch:07d}.safetensors").exists()
    assert resume(out) == 0
    assert outcome(out) == undisturbed


def test_gone_on_with_in_a_fresh_process(tmp_path, monkeypatch, undisturbed):
    out = tmp_path / "run"
    stopped(out, monkeypatch, 2, 1, *EVERYTHING)
    in_a_process("train", "lenet", "--resume", str(out))
    assert outcome(out) == undisturbed


def test_ctrl_c_while_the_test_images_are_looked_at(tmp_path, monkeypatch, undisturbed, capsys):
    out = tmp_path / "run"
    interrupting = []

    class Pressing(run.Interruptible):
        def __iter__(self):
            for number, batch in enumerate(super().__iter__()):
                if number == 1 and not interrupting:
                    interrupting.append(signal.raise_signal(signal.SIGINT))
                yield batch

    with monkeypatch.context() as patch:
        patch.setattr(run, "Interruptible", Pressing)
        assert train(out, *EVERYTHING) == 130
    assert "stopped by Ctrl-C in epoch 1 of 2, after batch 4 of 4" in capsys.readouterr().out
    assert resume(out) == 0
    assert outcome(out) == undisturbed


def test_a_second_ctrl_c_stops_at_once_and_saves_no_half_step(tmp_path, monkeypatch):
    out = tmp_path / "run"
    twice = [lambda: signal.raise_signal(signal.SIGINT)] * 2
    at_step(monkeypatch, 2, 1, lambda: [press() for press in twice])
    assert train(out) == 130
    assert [path.name for path in out.glob("checkpoint*")] == ["checkpoint-00002-0000000.safetensors"]


def test_what_is_shown(tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    stopped(out, monkeypatch, 2, 1, *EVERYTHING)
    lines = capsys.readouterr().out.splitlines()
    assert (
        "  also      schedule one-cycle, momentum 0.9, weight decay 0.001, mixup 0.5, label smoothing 0.1, "
        "clip norm 1, ema 0.9"
    ) in lines
    resume(out)
    lines = capsys.readouterr().out.splitlines()
    assert "  source    the checkpoint" in lines
    path = out / "checkpoint-00002-0000001.safetensors"
    assert any(
        line.startswith("going on in epoch 2 of 2, after batch 1 of 4 (") and line.endswith(f"from {path}")
        for line in lines
    )


def test_more_epochs_and_another_folder(tmp_path):
    train(tmp_path / "long", "--epochs", "3")
    train(tmp_path / "short")
    assert resume(tmp_path / "short", "--epochs", "3", "--out", str(tmp_path / "on")) == 0
    assert outcome(tmp_path / "on") == outcome(tmp_path / "long")
    assert [line["epoch"] for line in metrics(tmp_path / "short")] == [1, 2]


def test_nothing_left_to_do(tmp_path, capsys):
    out = tmp_path / "run"
    train(out)
    before = outcome(out)
    assert resume(out) == 0
    assert "nothing to do: all 2 epochs are done; ask for more with --epochs" in capsys.readouterr().out
    assert outcome(out) == before


def test_a_checkpoint_every_few_batches_and_only_two_are_kept(tmp_path, monkeypatch):
    saved, keep = [], run.RunFolder.keep_checkpoint
    monkeypatch.setattr(
        run.RunFolder, "keep_checkpoint", lambda self, path: (keep(self, path), saved.append(path.name))[0]
    )
    train(tmp_path / "run", "--checkpoint-every", "3")
    # 3 batches; 4 and the evaluation; 2 of the next epoch, the sixth in all; the end
    positions = [(1, 3), (2, 0), (2, 2), (3, 0)]
    names = [f"checkpoint-{epoch:05d}-{batch:07d}.safetensors" for epoch, batch in positions]
    assert saved == names
    assert sorted(path.name for path in (tmp_path / "run").glob("checkpoint*")) == names[-2:]


def test_an_older_checkpoint_replaces_the_newer_ones_only_once_it_has_one_of_its_own(tmp_path):
    out = tmp_path / "run"
    train(out, "--checkpoint-every", "1")
    older, newer = sorted(out.glob("checkpoint*"))
    newer.write_bytes(b"damaged")
    assert older.name == "checkpoint-00002-0000004.safetensors"
    expected = outcome(out)
    assert resume(older) == 0
    assert outcome(out) == expected
    assert read_metadata(newer)["settings"]["model"] == "lenet"


def error_of(capsys, *arguments):
    """The one line that a command which cannot be carried out says, without its beginning."""
    capsys.readouterr()
    assert main(["train", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line for line in shown.err.splitlines() if not line.startswith("Fashion-MNIST was not found")]
    assert len(lines) == 1
    return lines[0].removeprefix("minitorch-cv: error: ")


def test_another_network(tmp_path, capsys):
    out = tmp_path / "run"
    train(out)
    assert error_of(capsys, "mlp", "--resume", str(out)) == (
        f"--resume {out}: it is a checkpoint of lenet, not of mlp; name that network"
    )


def test_other_settings(tmp_path, capsys):
    out = tmp_path / "run"
    train(out)
    before = sorted(out.iterdir())
    given = ("--lr", "0.5", "--seed", "0", "--batch-size", "8", "--activation", "tanh", "--option", "num_classes=3")
    assert error_of(capsys, "lenet", "--resume", str(out), *given) == (
        f"--resume {out}: it was saved with other settings: --lr is 0.05 there but 0.5 here; "
        "--batch-size is 4 there but 8 here; --option num_classes is None there but 3 here; "
        "--option activation is relu there but tanh here; leave them out to go on"
    )
    assert sorted(out.iterdir()) == before


def test_more_epochs_do_not_go_with_a_schedule_over_all_of_them(tmp_path, capsys):
    out = tmp_path / "run"
    train(out, "--schedule", "cosine")
    assert error_of(capsys, "lenet", "--resume", str(out), "--epochs", "3") == (
        f"--resume {out}: it was saved with other settings: --epochs is 2 there but 3 here; leave them out to go on"
    )


def test_the_same_settings_may_be_given_again(tmp_path):
    train(tmp_path / "run", "--schedule", "multistep", "--milestones", "1,2")
    assert train(tmp_path / "run", "--resume", str(tmp_path / "run"), "--milestones", "1,2") == 0


def test_other_data(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    train(out)
    path = next(out.glob("checkpoint*"))
    metadata = read_metadata(path)
    monkeypatch.setattr("minitorch_cv.train.read_metadata", lambda path: {**metadata, "train_images": 60000})
    assert error_of(capsys, "lenet", "--resume", str(out)) == (
        f"--resume {out}: it was trained on other data: 60000 train images there but 16 here "
        "(embedded subset (6,000 training images)); name its folder with --data"
    )


def test_a_damaged_checkpoint_is_refused_and_the_other_one_named(tmp_path, capsys):
    out = tmp_path / "run"
    train(out)
    older, newest = sorted(out.glob("checkpoint*"))
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    assert error_of(capsys, "lenet", "--resume", str(out)) == (
        f"--resume {newest}: damaged: its content does not have the SHA-256 it was saved with; resume from another "
        f"checkpoint, or begin anew (beside it lies {older.name})"
    )
    assert resume(older) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b""), "truncated, damaged or no safetensors file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and so on"), "these are never read, as they can run any code"),
        (lambda path: path.mkdir(), "no checkpoint in this folder"),
        (lambda path: None, "cannot be read (No such file or directory)"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, capsys, make, words):
    make(tmp_path / "thing")
    message = error_of(capsys, "lenet", "--resume", str(tmp_path / "thing"))
    assert message.startswith(f"--resume {tmp_path / 'thing'}: ")
    assert words in message


def test_weights_are_no_checkpoint(tmp_path, capsys):
    train(tmp_path / "run")
    message = error_of(capsys, "lenet", "--resume", str(tmp_path / "run" / "weights.safetensors"))
    assert "it is a safetensors file, for instance of weights alone, but no checkpoint" in message


@pytest.mark.parametrize("metadata", [3, None, [], "settings", {}, {"settings": None}, {"settings": ["lenet"]}])
def test_a_checkpoint_with_other_metadata(tmp_path, capsys, metadata):
    write_file(tmp_path / "c.safetensors", {}, {"metadata": metadata})
    message = error_of(capsys, "lenet", "--resume", str(tmp_path / "c.safetensors"))
    assert "it was not saved by `minitorch-cv train`" in message


def test_a_checkpoint_that_the_library_saved(tmp_path, capsys):
    network = minitorch_cv.nn.Linear(2, 2)
    optimizer = minitorch_cv.optim.SGD(network.parameters(), 0.1)
    data = minitorch_cv.data.TensorDataset(np.zeros((2, 2)), np.zeros(2))
    Checkpoint(network, optimizer, run.DataLoader(data)).save(tmp_path / "c.safetensors")
    assert "it was not saved by `minitorch-cv train`" in error_of(
        capsys, "lenet", "--resume", str(tmp_path / "c.safetensors")
    )


def test_a_full_disk_ends_the_run_and_leaves_the_earlier_checkpoint(tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    replace = os.replace

    def full(old, new):
        if os.path.basename(new) == "checkpoint-00003-0000000.safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert train(out, *EVERYTHING) == 1
    last = out / "checkpoint-00003-0000000.safetensors"
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"minitorch-cv: error: the checkpoint {last} cannot be written (No space left on device); what is on disk "
        "is as it was: make room or choose another folder, and go on from the last checkpoint with --resume, if "
        "there is one"
    )
    assert [path.name for path in out.glob("checkpoint*")] == ["checkpoint-00002-0000000.safetensors"]
    assert json.loads((out / "config.json").read_text())["model"] == "lenet"
    assert resume(out) == 0


def test_patience_holds_over_a_resume(tmp_path, capsys):
    out, straight = tmp_path / "run", tmp_path / "straight"
    options = ("--lr", "1e-9", "--patience", "2")
    assert train(straight, *options, "--epochs", "6") == 0
    assert "stopped: no better test accuracy in 2 epochs" in capsys.readouterr().out
    assert len(metrics(straight)) == 3
    train(out, *options)
    assert resume(out, "--epochs", "6") == 0
    assert outcome(out) == outcome(straight)
    assert resume(out) == 0
    assert "nothing to do: no better test accuracy in 2 epochs" in capsys.readouterr().out


def test_averaged_weights_are_those_that_are_kept_and_tested(tmp_path):
    out = tmp_path / "run"
    train(out, "--ema", "0.9")
    network = minitorch_cv.models.lenet(activation="relu")
    minitorch_cv.train.load_weights(network, out / "weights.safetensors")
    test_set = run.first(minitorch_cv.data.FashionMNIST(train=False), 16)
    assert minitorch_cv.train.evaluate(network, run.DataLoader(test_set, 16)) == metrics(out)[-1]["test_acc"]
    plain, _ = outcome(out)
    train(tmp_path / "plain")
    assert outcome(tmp_path / "plain")[0] != plain
