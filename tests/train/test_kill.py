"""A run that is killed with SIGKILL, wherever it is, has left a whole checkpoint and goes on to the same weights.

MINITORCH_CV_KILLS sets how many times it is killed (4, if not set).
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from minitorch_cv.train import read_metadata
from minitorch_cv.train.run_folder import CHECKPOINTS

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("MINITORCH_CV_KILLS", "4"))
EPOCHS = 2 + KILLS // 3
PROGRAM = [sys.executable, "-u", "-m", "tests.command_process", "train", "lenet"]
SETTINGS = ["--limit", "40", "--batch-size", "4", "--activation", "relu", "--lr", "0.05", "--momentum", "0.9"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")


def command(out, every=1):
    """The command that begins the run in `out`, or goes on with it from its newest checkpoint."""
    keeping = ["--out", str(out), "--checkpoint-every", str(every)]
    resume = ["--resume", str(out)] if list(out.glob(CHECKPOINTS)) else [*SETTINGS, "--epochs", str(EPOCHS)]
    return [*PROGRAM, *keeping, *resume]


def environment():
    variables = {name: value for name, value in os.environ.items() if name != "MINITORCH_CV_DATA"}
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), variables.get("PYTHONPATH", "")])
    return {**variables, "PYTHONPATH": path}


def start(out, every=1):
    """The process of the run."""
    return subprocess.Popen(
        command(out, every), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )


def kill_after(process, seconds):
    """Kill the process this long after it has begun to train; False where it had ended by itself."""
    for line in process.stdout:
        if line.startswith("  epoch"):
            break
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode == -9


def outcome(out):
    """The bits of the weights, and what was measured in each epoch."""
    weights = {name: array.tobytes() for name, array in load_file(out / "weights.safetensors").items()}
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return weights, [(line["epoch"], line["train_loss"], line["train_acc"], line["test_acc"]) for line in lines]


def test_killed_at_random_moments_it_resumes_from_a_whole_checkpoint(tmp_path):
    undisturbed = start(tmp_path / "undisturbed", every=0)
    _, errors = undisturbed.communicate()
    assert undisturbed.returncode == 0, errors
    out, moments = tmp_path / "killed", random.Random(1)
    positions = []
    for _ in range(KILLS):
        if not kill_after(start(out), moments.uniform(0, 0.3)):
            continue
        checkpoints = sorted(out.glob(CHECKPOINTS))
        for path in checkpoints:
            assert read_metadata(path)["settings"]["epochs"] == EPOCHS
        positions.append(checkpoints[-1].name if checkpoints else "")
    assert positions == sorted(positions), "no run began before the one that was killed had ended"
    assert len(set(positions)) > 1
    last = start(out)
    _, errors = last.communicate()
    assert last.returncode == 0, errors
    assert outcome(out) == outcome(tmp_path / "undisturbed")
    assert not list(out.glob("*.tmp"))
    assert len(list(out.glob(CHECKPOINTS))) == 2


KILLING = """
import os, signal, sys
import minitorch_cv.train.checkpoint_file as file
original, name, number = getattr(os, sys.argv[1]), sys.argv[1], int(sys.argv[2])
calls = []

def dying(*given):
    calls.append(1)
    if len(calls) == number:
        if sys.argv[3] == "after":
            original(*given)
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*given)

setattr(os, name, dying)
import numpy as np
from pathlib import Path
from minitorch_cv.train import Progress
from minitorch_cv.train.run_folder import RunFolder
folder = RunFolder(Path(sys.argv[4]))
for batch in range(1, 6):
    path = folder.checkpoint_path(Progress(1, batch))
    file.write_file(path, {"w": np.full(1000, batch)}, {"metadata": batch})
    folder.keep_checkpoint(path)
"""


@pytest.mark.parametrize(
    ("call", "number", "when", "newest"),
    [
        ("fsync", 7, "before", 3),  # calls 7 and 8 are those of the fourth save: the file's, then the folder's
        ("fsync", 7, "after", 3),
        ("replace", 4, "before", 3),
        ("replace", 4, "after", 4),
        ("fsync", 8, "after", 4),
    ],
)
def test_killed_at_each_stage_of_a_save_two_checkpoints_are_whole(tmp_path, call, number, when, newest):
    arguments = [sys.executable, "-c", KILLING, call, str(number), when, str(tmp_path)]
    assert subprocess.run(arguments, env=environment()).returncode == -9
    checkpoints = sorted(tmp_path.glob(CHECKPOINTS))
    assert [read_metadata(path) for path in checkpoints[-2:]] == [newest - 1, newest]
