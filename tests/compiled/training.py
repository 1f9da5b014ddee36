"""Two equal networks in training, one eager and one compiled."""

import numpy as np

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F


def conv_net(activation=nn.Sigmoid, dropout=0.0):
    """A LeNet for 8x8 images: convolution, pool, convolution, pool, two linear layers."""
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        activation(),
        nn.AvgPool2d(2, 2),
        nn.Conv2d(3, 4, 3),
        activation(),
        nn.MaxPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(4, 6),
        nn.Tanh(),
        nn.Dropout(dropout),
        nn.Linear(6, 3),
    )


class Residual(nn.Module):
    """y = relu(F(x) + G(x)), batch norm in both, as a residual network's blocks that change the size."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(3)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(3)
        self.fit = nn.Conv2d(1, 3, 1)
        self.bn3 = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 3)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)) + self.bn3(self.fit(x)))
        y = self.dropout(y.mean((2, 3)))
        return self.head(y)


class Dense(nn.Module):
    """Each block's output is joined to its input; every feature is used twice and more."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, padding=1)
        self.norms = nn.Sequential(*(nn.BatchNorm2d(n) for n in (2, 4, 6)))
        self.convs = nn.Sequential(*(nn.Conv2d(n, 2, 3, padding=1) for n in (2, 4)))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        y = self.stem(x)
        for norm, conv in zip(self.norms, self.convs):
            y = torch.cat((y, conv(F.relu(norm(y)))), 1)
        y = F.adaptive_avg_pool2d(F.relu(self.norms[2](y)), (1, 1))
        return self.head(y.reshape(y.shape[0], -1))


class Inception(nn.Module):
    """Four branches over one input, joined along the channels."""

    def __init__(self):
        super().__init__()
        self.branches = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 1, 5, padding=2))
        self.last = nn.Conv2d(1, 2, 1)
        self.head = nn.Linear(7, 3)

    def forward(self, x):
        parts = [F.relu(branch(x)) for branch in self.branches]
        parts.append(F.relu(self.last(F.max_pool2d(x, 3, 1, 1))))
        return self.head(torch.cat(parts, 1).view(x.shape[0], 7, -1).mean(2))


def batches(count, size=4, seed=0):
    """Images (size, 1, 8, 8) and labels below 3."""
    rng = np.random.default_rng(seed)
    return [
        (torch.tensor(rng.random((size, 1, 8, 8), np.float32)), torch.tensor(rng.integers(0, 3, size)))
        for _ in range(count)
    ]


def trainer(build, **options):
    """A network from one seed, its optimizer, and its training step."""
    torch.manual_seed(5)
    net = build()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, **options)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return net, optimizer, step


def state(net):
    """Copies of all parameters, buffers and gradients."""
    values = {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}
    grads = {f"{name}.grad": p.grad.numpy().copy() for name, p in net.named_parameters() if p.grad is not None}
    return values | grads


def assert_same(net, other):
    """The same bits in all parameters, buffers and gradients."""
    ours, theirs = state(net), state(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def assert_trains_alike(build, data, **options):
    """Train eagerly and compiled on the same batches and random numbers, and compare after each step."""
    net, _, eager = trainer(build, **options)
    other, _, step = trainer(build, **options)
    compiled = torch.compile(step)
    for number, (x, y) in enumerate(data):
        losses = []
        for run in (eager, compiled):
            torch.manual_seed(number)
            losses.append(run(x, y).item())
        assert losses[0] == losses[1], f"step {number}"
        assert_same(net, other)
    return compiled
