"""What tests of training runs share: reading a run's metrics, and acting in the middle of it."""

import json

from minitorch_cv.cli.display import Display


def metrics(out):
    """The lines of the metrics, without what a clock measured."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in ("epoch", "train_loss", "train_acc", "test_acc")} for line in lines]


def at_step(monkeypatch, epoch, batch, action):
    """Do something right after this batch."""
    original = Display.step

    def step(display, reached):
        original(display, reached)
        if (reached.epoch, reached.batch) == (epoch, batch):
            action()

    monkeypatch.setattr(Display, "step", step)
