import json

import numpy as np
import pytest
from safetensors.numpy import save

from minitorch_cv import nn, optim
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import EMA, Checkpoint, CheckpointError, read_metadata
from minitorch_cv.train.checkpoint_file import FORMAT, read_file, write_file
from minitorch_cv.train.safetensors_file import digest

from .resumable import Run

DATA = TensorDataset(Tensor(np.zeros((4, 3), np.float32)), Tensor(np.zeros(4, np.int64)))


def checkpoint(outputs=2, scheduler=False, ema=False, generators=(), momentum=0.0):
    """The parts of a run of a linear layer."""
    model = nn.Linear(3, outputs)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
    loader = DataLoader(DATA, 2, generator=Generator().manual_seed(0))
    return Checkpoint(
        model,
        optimizer,
        loader,
        scheduler=StepLR(optimizer, 1) if scheduler else None,
        ema=EMA(model) if ema else None,
        generators={name: Generator() for name in generators},
    )


def test_metadata_come_back_and_can_be_read_alone(tmp_path):
    checkpoint().save(tmp_path / "c", {"model": "tiny", "lr": 0.1})
    assert checkpoint().load(tmp_path / "c") == {"model": "tiny", "lr": 0.1}
    assert read_metadata(tmp_path / "c") == {"model": "tiny", "lr": 0.1}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"outputs": 5}, "size mismatch for weight: shape (2, 3) in state_dict, (5, 3) in the model"),
        ({"scheduler": True}, "it was saved without scheduler; build the run alike"),
        ({"ema": True}, "it was saved without ema; build the run alike"),
        ({"generators": ["mix"]}, "it has the generators ['default'] but there are ['default', 'mix']"),
    ],
)
def test_parts_of_another_kind_are_refused(tmp_path, other, words):
    checkpoint().save(tmp_path / "c")
    with pytest.raises(CheckpointError) as raised:
        checkpoint(**other).load(tmp_path / "c")
    assert str(raised.value).startswith(f"{tmp_path / 'c'}: does not fit: ")
    assert words in str(raised.value)


def test_what_the_parts_lack_is_refused_too(tmp_path):
    checkpoint(scheduler=True).save(tmp_path / "c")
    with pytest.raises(CheckpointError, match="it was saved with scheduler; build the run alike"):
        checkpoint().load(tmp_path / "c")


def test_another_kind_of_schedule_is_refused(tmp_path):
    saved, other = checkpoint(scheduler=True), checkpoint()
    saved.save(tmp_path / "c")
    other.scheduler = ReduceLROnPlateau(other.optimizer)
    with pytest.raises(CheckpointError, match="does not fit: ReduceLROnPlateau: state_dict lacks"):
        other.load(tmp_path / "c")


def test_a_damaged_file_changes_nothing(tmp_path):
    run = Run("residual", seed=1)
    run.go(epochs=1)
    run.parts.save(tmp_path / "c")
    content = bytearray((tmp_path / "c").read_bytes())
    content[-5] ^= 1
    (tmp_path / "c").write_bytes(content)
    other = Run("residual", seed=2)
    before = other.outcome()
    with pytest.raises(CheckpointError, match="damaged"):
        other.parts.load(tmp_path / "c")
    assert other.outcome() == before
    assert other.parts.progress.epoch == 1


def test_pairs_among_the_options_come_back_as_pairs(tmp_path):
    parts, others = checkpoint(), checkpoint()
    for each, beta in ((parts, 0.5), (others, 0.9)):
        each.optimizer = optim.Adam(each.model.parameters(), betas=(beta, 0.99))
    parts.save(tmp_path / "c")
    others.load(tmp_path / "c")
    assert others.optimizer.param_groups[0]["betas"] == (0.5, 0.99)


DEEP = 5000
NO_STATES = [
    "{}",
    "[]",
    "7",
    "null",
    '"metadata"',
    '{"settings": {}}',
    "true",
    "[" * DEEP + "]" * DEEP,
    "{",
]


@pytest.mark.parametrize("text", NO_STATES, ids=lambda text: text[:20])
def test_a_checkpoint_of_no_training_run(tmp_path, text):
    """With a right checksum; so made by hand, or by another program."""
    path = tmp_path / "c"
    header = {"format": FORMAT, "sha256": digest({}, text), "state": text}
    path.write_bytes(save({}, {"minitorch_cv": json.dumps(header)}))
    message = rf"^{path}: (not of a training run: it has no metadata|its state is no JSON)"
    with pytest.raises(CheckpointError, match=message):
        read_metadata(path)
    with pytest.raises(CheckpointError, match=message):
        checkpoint(momentum=0.9).load(path)


@pytest.mark.parametrize("name", ["progress", "loader", "generators", "model", "optimizer", "scheduler", "ema"])
@pytest.mark.parametrize("value", [None, [], 7, "text", {}])
def test_a_part_of_another_kind_is_refused(tmp_path, name, value):
    path = tmp_path / "c"
    run = checkpoint(momentum=0.9)
    run.save(path)
    arrays, state = read_file(path)
    if state[name] == value or (name in ("scheduler", "ema") and not value):
        return
    write_file(path, arrays, {**state, name: value})
    with pytest.raises(CheckpointError, match=f"^{path}: does not fit: "):
        checkpoint(momentum=0.9).load(path)


def test_a_part_that_lacks_is_named(tmp_path):
    path = tmp_path / "c"
    run = checkpoint(momentum=0.9)
    run.save(path)
    arrays, state = read_file(path)
    del state["loader"]
    write_file(path, arrays, state)
    with pytest.raises(CheckpointError, match=f"^{path}: does not fit: it lacks 'loader'"):
        checkpoint(momentum=0.9).load(path)
