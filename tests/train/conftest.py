"""A classification task that a linear layer learns in a few steps."""

import numpy as np
import pytest

from minitorch_cv import nn, optim
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.random import Generator, manual_seed
from minitorch_cv.tensor import Tensor


class Task:
    """12 points in 3 classes, told apart by which of 3 features is large; a linear layer, SGD and loaders."""

    def __init__(self, lr=0.5, batch_size=5):
        labels = np.arange(12) % 3
        points = np.eye(3, dtype=np.float32)[labels] + np.random.default_rng(1).normal(0, 0.1, (12, 3)).astype("f4")
        manual_seed(1)
        self.model = nn.Linear(3, 3)
        self.optimizer = optim.SGD(self.model.parameters(), lr=lr)
        self.loss = nn.functional.cross_entropy
        self.points, self.labels = Tensor(points), Tensor(labels)
        dataset = TensorDataset(self.points, self.labels)
        self.train_loader = DataLoader(dataset, batch_size, shuffle=True, generator=Generator().manual_seed(2))
        self.test_loader = DataLoader(dataset, batch_size)


@pytest.fixture
def task():
    """The task with a learning rate that works."""
    return Task()


@pytest.fixture
def make_task():
    """Makes tasks with other settings."""
    return Task
