"""`mpiexec -n 2 minitorch-cv train`: one run, the same as on one rank, which ends on all ranks at once."""

import os
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from safetensors.numpy import load_file

from minitorch_cv.cli import main, ranks, run
from minitorch_cv.distributed.group import Group, current
from tests.distributed.ranks import on_ranks

from .runs import metrics

SMALL = ["--limit", "20", "--batch-size", "8", "--epochs", "2", "--activation", "relu", "--lr", "0.05"]
DROPOUT = [
    *("--limit", "16", "--batch-size", "4", "--epochs", "2", "--lr", "0.05", "--mixup", "0.5", "--augment", "flip"),
    *("--option", "hidden=8,", "--option", "dropout=0.5"),
]
SECONDS = 40  # for a job in which a rank is lost; two or three where nothing else runs, most of it the start


def train(*arguments, happens=("nothing", 0, 0), seconds=60):
    """The command on two ranks."""
    return on_ranks(2, "tests.distributed.command", *happens, "train", *arguments, seconds=seconds)


def outcome(out):
    """The bits of the weights, and what was measured."""
    return {name: array.tobytes() for name, array in load_file(out / "weights.safetensors").items()}, metrics(out)


def test_two_ranks_train_as_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(run.Run, "draw_predictions", lambda self: None)
    monkeypatch.setattr(run, "plot_curves", lambda *given: Figure())
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(["train", "bn_lenet", *SMALL, "--out", str(one)]) == 0
    done = train("bn_lenet", *SMALL, "--out", two)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("minitorch-cv 0.1.0: bn_lenet") == done.stdout.count("saved in") == 1
    assert "batch 8, sgd with learning rate 0.05, seed 0, cpu, 2 ranks" in done.stdout
    assert sorted(path.name for path in two.iterdir()) == sorted(path.name for path in one.iterdir())
    for mine, yours in zip(metrics(one), metrics(two), strict=True):
        assert mine["train_loss"] == pytest.approx(yours["train_loss"], abs=1e-4)
        assert (mine["train_acc"], mine["test_acc"]) == (yours["train_acc"], yours["test_acc"])
    weights = load_file(two / "weights.safetensors")
    for name, array in load_file(one / "weights.safetensors").items():
        np.testing.assert_allclose(weights[name], array, rtol=0, atol=1e-4)


def test_a_run_stopped_on_one_rank_goes_on_to_the_same_weights(tmp_path):
    undisturbed, stopped = tmp_path / "undisturbed", tmp_path / "stopped"
    assert train("mlp", *DROPOUT, "--out", undisturbed).returncode == 0
    done = train("mlp", *DROPOUT, "--out", stopped, happens=("stop", 1, 3))
    assert done.returncode == 130, done.stderr
    assert "stopped by Ctrl-C in epoch 1 of 2, after batch 3 of 4" in done.stdout
    done = train("mlp", "--resume", stopped)
    assert done.returncode == 0, done.stderr
    assert outcome(stopped) == outcome(undisturbed)


def test_fewer_ranks_can_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(run.Run, "draw_predictions", lambda self: None)
    out = tmp_path / "run"
    assert train("mlp", *DROPOUT, "--out", out, happens=("stop", 0, 2)).returncode == 130
    assert main(["train", "mlp", "--resume", str(out)]) == 0
    assert len(metrics(out)) == 2


def test_a_killed_rank_ends_the_job_in_seconds(tmp_path):
    start = time.monotonic()
    done = train("lenet", *SMALL, "--epochs", "500", "--out", tmp_path, happens=("kill", 1, 4), seconds=SECONDS)
    assert time.monotonic() - start < SECONDS
    assert done.returncode != 0
    assert "Killed" in done.stdout + done.stderr
    assert list(tmp_path.glob("checkpoint-*.safetensors"))


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_on_one_rank_is_shown_and_ends_all(tmp_path, rank):
    done = train("lenet", *SMALL, "--epochs", "500", "--out", tmp_path, happens=("error", rank, 2), seconds=SECONDS)
    assert done.returncode == 1
    assert done.stderr.count("AssertionError: broken on purpose") == 1
    assert f"rank {rank} of 2 failed, so all end" in done.stderr


def test_an_image_that_one_rank_cannot_read_ends_all(tmp_path):
    done = train("lenet", *SMALL, "--epochs", "500", "--out", tmp_path, happens=("data", 1, 2), seconds=SECONDS)
    assert done.returncode == 1
    assert done.stderr.count("minitorch-cv: error: picture.png: broken on purpose") == 1
    assert "Traceback" not in done.stderr


def test_a_loss_that_explodes_ends_all_and_is_told_once(tmp_path):
    done = train("lenet", *SMALL, "--lr", "1e30", "--epochs", "500", "--out", tmp_path, seconds=SECONDS)
    assert done.returncode == 1
    assert done.stderr.count("minitorch-cv: error: the loss became") == 1
    assert "saved in" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenett"], "unknown model"),
        (["lenet", "--bogus"], "No such option"),
        (["lenet", "--data", "no-such-folder"], "no-such-folder"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_said_once(tmp_path, arguments, message):
    done = train(*arguments, "--out", tmp_path, seconds=SECONDS)
    assert done.returncode == 2
    assert done.stderr.count("minitorch-cv: error: ") == 1
    assert message in done.stderr


def test_without_mpi4py_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "mpi4py.py").write_text("raise ImportError('no MPI here')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = train("lenet", *SMALL, "--out", tmp_path / "run", seconds=SECONDS)
    assert done.returncode == 2
    assert done.stderr.count("pip install 'minitorch-cv[mpi]'") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--batch-size", "1", "--batch-size 1: cannot be shared out to 2 ranks; take a larger one"),
        ("--device", "cuda:1", "device 'cuda:1' cannot serve 2 ranks; 'cuda' gives each a GPU of its own"),
    ],
)
def test_settings_that_ranks_cannot_share_are_refused(tmp_path, monkeypatch, capsys, option, value, message):
    neighbour = SimpleNamespace(Barrier=lambda: None)
    monkeypatch.setattr(current, "group", Group(neighbour, 0, 2, 0))
    assert main(["train", "lenet", *SMALL, option, value, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"minitorch-cv: error: {message}"


def test_each_rank_has_a_gpu_of_its_own(monkeypatch):
    assert ranks.device_of_rank("cuda") == "cuda"
    assert ranks.device_of_rank("cuda:3") == "cuda:3"
    monkeypatch.setattr(current, "group", Group(None, 3, 4, 1))
    assert ranks.device_of_rank("cuda") == "cuda:1"
    assert ranks.device_of_rank("cuda-sim") == "cuda-sim"
    assert ranks.device_of_rank("cpu") == "cpu"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (["--lr", "0.2"], "lr 0.05 on rank 0, 0.2 on rank 1"),
        (["--epochs", "3"], "epochs 2 on rank 0, 3 on rank 1"),
        (["--batch-size", "4"], "batch_size 8 on rank 0, 4 on rank 1"),
        (["--activation", "tanh"], "options {'activation': 'relu'} on rank 0"),
    ],
)
def test_ranks_with_other_settings_end_at_once(tmp_path, second, said):
    out = ["--out", str(tmp_path / "run")]
    done = on_ranks(
        1, "tests.distributed.command", "nothing", 0, 0, "train", "lenet", *SMALL, *out, ":", "-n", "1", sys.executable,
        "-m", "tests.distributed.command", "nothing", 0, 0, "train", "lenet", *SMALL, *out, *second,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"the ranks were given other settings: {said}" in done.stderr
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())
