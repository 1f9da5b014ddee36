import numpy as np

from minitorch_cv.data import TensorDataset
from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import k_fold_accuracy


def test_every_part_is_tested_by_a_fresh_model_that_did_not_see_it(make_task):
    """The label of each point is its own number, so only the points that were trained on can be told."""
    points = np.eye(6, dtype=np.float32)[np.arange(6)]
    trained_on, tested_on, models = [], [], []

    class Memory:
        """Knows the points that it was called with in training."""

        training = True

        def __init__(self):
            self.seen = set()
            models.append(self)

        def train(self, mode=True):
            self.training = mode

        def eval(self):
            self.training = False

        def __call__(self, x):
            numbers = [int(row.argmax()) for row in x.numpy()]
            (self.seen.update if self.training else tested_on.extend)(numbers)
            return Tensor(np.array([np.eye(6)[n] if n in self.seen else np.eye(6)[n - 1] for n in numbers]))

    class Still:
        param_groups = ()

        def zero_grad(self):
            pass

        def step(self):
            trained_on.append(1)

    class Loss:
        def __init__(self, *given):
            pass

        def item(self):
            return 1.0

        def backward(self):
            pass

    def k_folds():
        return k_fold_accuracy(
            lambda: (Memory(), Still()),
            TensorDataset(points, np.arange(6)),
            3,
            epochs=2,
            batch_size=2,
            loss=Loss,
            generator=Generator().manual_seed(0),
        )

    assert k_folds() == [0.0, 0.0, 0.0]
    assert len(models) == 3
    assert len(trained_on) == 3 * 2 * 2
    assert sorted(tested_on) == sorted([0, 1, 2, 3, 4, 5] * 2)
    for model in models:
        assert len(model.seen) == 4


def test_a_task_that_can_be_learned_is_learned_in_every_part(make_task):
    task = make_task()

    def make():
        fresh = make_task()
        return fresh.model, fresh.optimizer

    accuracies = k_fold_accuracy(
        make,
        TensorDataset(task.points, task.labels),
        4,
        epochs=15,
        batch_size=3,
        loss=task.loss,
        generator=Generator().manual_seed(1),
    )
    assert accuracies == [1.0] * 4
