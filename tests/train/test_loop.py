import math

import numpy as np
import pytest

from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import Epoch, NonFiniteLossError, evaluate, fit


def run(task, epochs, **callbacks):
    """Fit the task's model."""
    return fit(
        task.model,
        task.train_loader,
        task.test_loader,
        epochs=epochs,
        optimizer=task.optimizer,
        loss=task.loss,
        **callbacks,
    )


def weights(model):
    """All numbers of a model in one row."""
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in model.parameters()])


def test_learns_the_task(task):
    history = run(task, epochs=15)
    assert history[-1].test_acc == 1.0
    assert history[-1].train_loss < history[0].train_loss / 2


def test_takes_the_steps_of_sgd(task, make_task):
    """The same epoch by hand: w <- w - lr dw, batch by batch, in the order of the loader."""
    by_hand = make_task()
    losses, hits = [], 0
    for points, labels in by_hand.train_loader:
        logits = by_hand.model(points)
        loss = by_hand.loss(logits, labels)
        for parameter in by_hand.model.parameters():
            parameter.grad = None
        loss.backward()
        for parameter in by_hand.model.parameters():
            parameter.data -= 0.5 * parameter.grad
        losses += [loss.item()] * len(labels)
        hits += int((logits.detach().numpy().argmax(1) == labels.numpy()).sum())
    (epoch,) = run(task, epochs=1)
    np.testing.assert_allclose(weights(task.model), weights(by_hand.model), rtol=1e-5)
    assert epoch.train_loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert epoch.train_acc == hits / 12


def test_the_same_seeds_give_the_same_bits(make_task):
    first, second = make_task(), make_task()
    kept = [(epoch.train_loss, epoch.train_acc, epoch.test_acc) for epoch in run(first, epochs=3)]
    assert kept == [(epoch.train_loss, epoch.train_acc, epoch.test_acc) for epoch in run(second, epochs=3)]
    assert weights(first.model).tobytes() == weights(second.model).tobytes()


def test_callbacks_see_every_batch_and_every_epoch(task):
    steps, epochs = [], []
    history = run(task, epochs=2, on_step=steps.append, on_epoch=epochs.append)
    assert [(step.epoch, step.batch, step.batches) for step in steps] == [
        (1, 1, 3),
        (1, 2, 3),
        (1, 3, 3),
        (2, 1, 3),
        (2, 2, 3),
        (2, 3, 3),
    ]
    assert epochs == history
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert (steps[2].loss, steps[2].accuracy) == (history[0].train_loss, history[0].train_acc)
    assert all(isinstance(epoch, Epoch) and epoch.seconds > 0 for epoch in epochs)


def test_speed_counts_training_and_not_evaluation(task, monkeypatch):
    """On a clock that moves 1 s per reading: start, 3 batches, end of the evaluation."""
    ticks = iter(range(100))
    monkeypatch.setattr("minitorch_cv.train.loop.perf_counter", lambda: float(next(ticks)))
    (epoch,) = run(task, epochs=1)
    assert epoch.images_per_second == 12 / 3
    assert epoch.seconds == 4


def test_a_callback_can_end_the_training(task):
    """As Ctrl-C does: the weights are those after the last batch that was seen."""

    def interrupt(step):
        if step.batch == 2:
            raise KeyboardInterrupt

    before = weights(task.model)
    with pytest.raises(KeyboardInterrupt):
        run(task, epochs=1, on_step=interrupt)
    assert not np.array_equal(weights(task.model), before)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_training_before_its_step(task, value):
    task.points.numpy()[4, 0] = 0.0
    calls = []

    def broken_loss(logits, labels):
        calls.append(1)
        factor = value if len(calls) == 5 else 1.0
        return task.loss(logits, labels) * factor

    reached = []
    with pytest.raises(NonFiniteLossError) as raised:
        fit(
            task.model,
            task.train_loader,
            task.test_loader,
            epochs=3,
            optimizer=task.optimizer,
            loss=broken_loss,
            on_step=lambda step: reached.append(weights(task.model)),
        )
    assert str(raised.value) == (
        f"the loss became {value} in epoch 2, batch 2 of 3, with learning rate 0.5: "
        "the steps are too large; try a smaller one, for instance 0.05"
    )
    assert len(reached) == 4
    np.testing.assert_array_equal(weights(task.model), reached[-1])


class Remembering:
    """A model that notes in which mode it is called and always answers class 1."""

    def __init__(self):
        self.training = True
        self.modes = []

    def train(self, mode=True):
        self.training = mode

    def eval(self):
        self.train(False)

    def __call__(self, x):
        self.modes.append(self.training)
        return Tensor(np.tile(np.array([0.0, 1.0], np.float32), (len(x), 1)))


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_in_evaluation_mode_and_leaves_the_mode_as_it_was(training):
    model = Remembering()
    model.train(training)
    labels = np.array([1, 0, 1, 1, 0])
    accuracy = evaluate(model, DataLoader(TensorDataset(Tensor(np.zeros((5, 1), np.float32)), Tensor(labels)), 2))
    assert accuracy == 3 / 5
    assert model.modes == [False, False, False]
    assert model.training is training


def test_evaluation_records_no_graph(task):
    outputs = []
    task.model.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    evaluate(task.model, task.test_loader)
    assert outputs
    assert not any(output.requires_grad for output in outputs)


def test_a_loader_without_batches_is_refused(task):
    task.train_loader = DataLoader(TensorDataset(task.points, task.labels), 20, drop_last=True)
    with pytest.raises(ValueError, match=r"^fit: train_loader gives no batches; give it images"):
        run(task, epochs=1)


def test_evaluation_without_images_is_refused(task):
    with pytest.raises(ValueError, match=r"^evaluate: the loader gives no images"):
        evaluate(task.model, [])


def test_training_is_in_training_mode_whatever_was_before(task):
    modes = []
    task.model.register_forward_hook(lambda module, inputs, output: modes.append(module.training))
    task.model.eval()
    run(task, epochs=2)
    assert modes == [True, True, True, False, False, False] * 2
