import sys

import pytest

from minitorch_cv.train import TensorBoard

from .test_loop import run


class Writer:
    """Stands in for tensorboardX's SummaryWriter."""

    def __init__(self, folder):
        self.folder, self.entries, self.closed = folder, [], False

    def add_scalar(self, name, value, number):
        self.entries.append((name, value, number))

    def flush(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def fake(monkeypatch):
    """A module tensorboardX that keeps what it is given."""
    module = type(sys)("tensorboardX")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "tensorboardX", module)


def test_steps_are_numbered_through_and_epochs_by_themselves(task, fake, tmp_path):
    board = TensorBoard(tmp_path / "board")
    steps = []
    history = run(task, 2, on_step=[board.on_step, steps.append], on_epoch=board.on_epoch)
    board.close()
    entries = board.writer.entries
    assert board.writer.folder == str(tmp_path / "board")
    assert [(value, number) for name, value, number in entries if name == "batch/loss"] == [
        (step.loss, number) for number, step in enumerate(steps, 1)
    ]
    assert [(value, number) for name, value, number in entries if name == "epoch/test_acc"] == [
        (epoch.test_acc, epoch.epoch) for epoch in history
    ]
    assert board.writer.closed


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'minitorch-cv\[tensorboard\]'"):
        TensorBoard(tmp_path)


def test_the_real_writer_leaves_a_file(task, tmp_path):
    pytest.importorskip("tensorboardX")
    board = TensorBoard(tmp_path)
    run(task, 1, on_step=board.on_step, on_epoch=board.on_epoch)
    board.close()
    (file,) = tmp_path.iterdir()
    assert b"epoch/test_acc" in file.read_bytes()
