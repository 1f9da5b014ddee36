"""What can be added to the loop: each part does what it would do by hand, and nothing where it is left out."""

import numpy as np
import pytest

from minitorch_cv import optim
from minitorch_cv.compiled.replaying import Recording
from minitorch_cv.optim.lr_scheduler import ExponentialLR, OneCycleLR, ReduceLROnPlateau
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import EMA, Progress, StopTraining, evaluate, fit

from .test_loop import run, weights


def rates(task):
    """A callback, and the learning rates that it saw."""
    seen = []
    return seen, lambda event: seen.append(task.optimizer.param_groups[0]["lr"])


def test_a_schedule_per_epoch_moves_after_each_epoch(task):
    steps, note_step = rates(task)
    epochs, note_epoch = rates(task)
    run(task, 2, scheduler=ExponentialLR(task.optimizer, 0.5), on_step=note_step, on_epoch=note_epoch)
    assert steps == [0.5] * 3 + [0.25] * 3
    assert epochs == [0.25, 0.125]


def test_a_schedule_per_batch_moves_after_each_batch(task):
    steps, note_step = rates(task)
    run(task, 2, scheduler=ExponentialLR(task.optimizer, 0.5), schedule_per="batch", on_step=note_step)
    assert steps == [0.5 / 2**n for n in range(1, 7)]


def test_a_schedule_of_a_fixed_length_ends_with_the_training(task):
    scheduler = OneCycleLR(task.optimizer, 0.5, epochs=2, steps_per_epoch=3, cycle_momentum=False)
    run(task, 2, scheduler=scheduler, schedule_per="batch")
    assert scheduler.last_epoch == 6


@pytest.mark.parametrize(("mode", "metric"), [("min", "train_loss"), ("max", "test_acc")])
def test_a_schedule_that_waits_for_a_plateau_is_shown_loss_or_accuracy(task, monkeypatch, mode, metric):
    shown = []
    monkeypatch.setattr(ReduceLROnPlateau, "step", lambda self, value: shown.append(value))
    history = run(task, 2, scheduler=ReduceLROnPlateau(task.optimizer, mode))
    assert shown == [getattr(epoch, metric) for epoch in history]


def test_schedule_per_something_else_is_refused(task):
    with pytest.raises(ValueError, match=r"^fit: schedule_per='step'; choose one of epoch, batch$"):
        run(task, 1, schedule_per="step")


@pytest.mark.parametrize("option", ["clip_norm", "clip_value"])
def test_gradients_are_clipped_before_the_step(task, option):
    before = weights(task.model)
    grads = []
    run(
        task,
        1,
        **{option: 0.01},
        on_step=[lambda step: grads.append(np.concatenate([p.grad.numpy().ravel() for p in task.model.parameters()]))],
    )
    size = np.linalg.norm if option == "clip_norm" else lambda grad: np.abs(grad).max()
    assert [size(grad) for grad in grads] == pytest.approx([0.01] * 3, rel=1e-3)
    np.testing.assert_allclose(weights(task.model), before - 0.5 * sum(grads), rtol=1e-5, atol=1e-7)


def test_mixed_batches_are_trained_on_and_counted_by_the_most_probable_class(task):
    seen = []

    def mix(images, labels):
        seen.append(len(labels))
        probabilities = np.full((len(labels), 3), 0.1, np.float32)
        probabilities[:, 2] = 0.8
        return images * 0, Tensor(probabilities)

    losses = []

    def loss(logits, labels):
        losses.append((logits.shape, labels.shape))
        return task.loss(logits, labels)

    task.model.bias.data = Tensor(np.array([0.0, 1.0, 0.0], np.float32))
    task.model.weight.requires_grad_(False)
    task.optimizer.param_groups[0]["lr"] = 1e-9
    history = fit(
        task.model, task.train_loader, task.test_loader, epochs=1, optimizer=task.optimizer, loss=loss, mix=mix
    )
    assert seen == [5, 5, 2]
    assert losses == [((n, 3), (n, 3)) for n in seen]
    assert history[0].train_acc == 0.0, "class 1 is always predicted, 2 is the most probable"
    expected = np.log(np.exp([0.0, 1.0, 0.0]).sum()) - 0.1
    assert history[0].train_loss == pytest.approx(expected, rel=1e-6)


def test_evaluation_does_not_mix(task):
    run(task, 15)
    sizes = []
    task.model.register_forward_hook(lambda module, inputs, output: sizes.append(float(inputs[0].abs().max().item())))
    run(task, 1, mix=lambda images, labels: (images * 0, labels))
    assert sizes[:3] == [0, 0, 0]
    assert min(sizes[3:]) > 0


def test_averages_are_updated_after_each_batch_and_tested(task, make_task):
    by_hand = make_task()
    history = []
    run(by_hand, 1, on_step=lambda step: history.append(weights(by_hand.model)))
    expected = history[0]
    for value in history[1:]:
        expected = expected + np.float32(0.5) * (value - expected)
    ema = EMA(task.model, decay=0.5)
    accuracies = []

    def accuracy_by_hand(epoch):
        own = weights(task.model)
        with ema.averaged():
            np.testing.assert_allclose(weights(task.model), expected, rtol=1e-5)
            accuracies.append(evaluate(task.model, task.test_loader))
        np.testing.assert_array_equal(weights(task.model), own)

    (epoch,) = run(task, 1, ema=ema, on_epoch=accuracy_by_hand)
    assert [epoch.test_acc] == accuracies
    np.testing.assert_array_equal(weights(task.model), history[-1])


def test_the_test_accuracy_is_that_of_the_averages(task):
    ema = EMA(task.model, decay=0.5)
    run(task, 15, ema=ema)
    assert evaluate(task.model, task.test_loader) == 1.0
    ema.averages["bias"][...] = [100, 0, 0]
    ema.decay = 0.999999
    (*_, epoch) = run(task, 1, ema=ema)
    assert epoch.test_acc == 1 / 3
    assert evaluate(task.model, task.test_loader) == 1.0


def test_several_callbacks_are_called_in_their_order(task):
    calls = []
    run(task, 1, on_epoch=[lambda epoch: calls.append("first"), lambda epoch: calls.append("second")])
    assert calls == ["first", "second"]


@pytest.mark.parametrize(("event", "epochs", "steps"), [("on_step", 1, 5), ("on_epoch", 1, 3)])
def test_a_callback_stops_the_training_cleanly(task, event, epochs, steps):
    taken = []

    def stop(reached):
        if event == "on_epoch" or (reached.epoch, reached.batch) == (2, 2):
            raise StopTraining

    callbacks = {"on_step": [taken.append], "on_epoch": []}
    callbacks[event].append(stop)
    history = run(task, 10, **callbacks)
    assert (len(history), len(taken)) == (epochs, steps)


def test_frozen_parameters_stay_as_they_are(task):
    task.model.weight.requires_grad_(False)
    weight, bias = task.model.weight.numpy().copy(), task.model.bias.detach().numpy().copy()
    task.optimizer = optim.SGD(task.model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.1)
    run(task, 2)
    np.testing.assert_array_equal(task.model.weight.numpy(), weight)
    assert not np.array_equal(task.model.bias.detach().numpy(), bias)
    assert task.model.weight.grad is None


def test_a_progress_is_kept_up_to_date_and_gone_on_from(task, make_task):
    progress = Progress()
    positions = []
    run(task, 2, progress=progress, on_step=lambda step: positions.append((progress.epoch, progress.batch)))
    assert positions == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert (progress.epoch, progress.batch, len(progress.history)) == (3, 0, 2)
    assert run(task, 2, progress=progress) == progress.history, "all is done"
    assert [epoch.epoch for epoch in run(task, 3, progress=progress)] == [1, 2, 3]


def test_compiled_it_learns_the_same(task, make_task, monkeypatch):
    replayed = []
    original = Recording.run
    monkeypatch.setattr(Recording, "run", lambda self, args: replayed.append(self) or original(self, args))
    eager = make_task()
    by_hand = run(eager, 3, clip_norm=0.5, scheduler=ExponentialLR(eager.optimizer, 0.5))
    history = run(task, 3, compiled=True, clip_norm=0.5, scheduler=ExponentialLR(task.optimizer, 0.5))
    assert len(replayed) > 3
    np.testing.assert_array_equal(weights(task.model), weights(eager.model))
    assert [epoch.train_loss for epoch in history] == [epoch.train_loss for epoch in by_hand]
    assert [epoch.train_acc for epoch in history] == [epoch.train_acc for epoch in by_hand]
