import pytest

from minitorch_cv.train import EarlyStopping, Epoch, StopTraining

from .test_loop import run


def epoch(number, test_acc=0.5, train_loss=1.0):
    return Epoch(number, train_loss, 0.5, test_acc, 100.0, 1.0)


def stops_after(stopping, values, metric="test_acc"):
    """After how many of the epochs it stops, None if after none of them."""
    for number, value in enumerate(values, 1):
        try:
            stopping(epoch(number, **{metric: value}))
        except StopTraining:
            return number
    return None


def test_patience_counts_epochs_in_a_row():
    assert stops_after(EarlyStopping(2), [0.5, 0.6, 0.6, 0.5]) == 4
    assert stops_after(EarlyStopping(2), [0.5, 0.4, 0.6, 0.5, 0.7, 0.6]) is None
    assert stops_after(EarlyStopping(1), [0.5, 0.5]) == 2


def test_a_gain_must_exceed_min_delta():
    assert stops_after(EarlyStopping(2, min_delta=0.125), [0.5, 0.625, 0.5625]) == 3
    assert stops_after(EarlyStopping(2, min_delta=0.125), [0.5, 0.75, 0.875]) is None


def test_a_loss_gets_better_by_falling():
    assert stops_after(EarlyStopping(1, "train_loss"), [3, 2, 1], "train_loss") is None
    assert stops_after(EarlyStopping(1, "train_loss"), [3, 2, 2.5], "train_loss") == 3


def test_it_goes_on_from_a_history():
    values = [0.5, 0.6, 0.5, 0.6, 0.7]
    history = [epoch(number, value) for number, value in enumerate(values[:3], 1)]
    resumed = EarlyStopping(2, history=history)
    assert not resumed.patience_is_over
    assert stops_after(resumed, values[3:]) == 1
    assert resumed.patience_is_over


def test_it_ends_fit(task):
    for group in task.optimizer.param_groups:
        group["lr"] = 0.0
    assert len(run(task, 20, on_epoch=EarlyStopping(3))) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patience": 0}, "patience=0 must be at least 1"),
        ({"patience": 1, "min_delta": -1}, "min_delta=-1 not below 0"),
        ({"patience": 1, "metric": "loss"}, "metric='loss'; choose one of train_loss, train_acc, test_acc"),
    ],
)
def test_options_without_sense(options, words):
    with pytest.raises(ValueError, match=words):
        EarlyStopping(**options)
