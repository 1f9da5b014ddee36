"""Tensors on GPUs of which one is CuPy's current one, on the two of its stand-in: nothing depends on which it is."""

import copy
import pickle

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv import nn
from minitorch_cv.data import DataLoader
from minitorch_cv.gradcheck import gradcheck
from minitorch_cv.nn import functional as F
from minitorch_cv.nn.utils import clip_grad_norm_
from minitorch_cv.train import EMA
from minitorch_kernels import matmul, relu
from minitorch_kernels.arrays import on_cpu, on_gpu, on_gpu_of

from .data.byte_images import ByteImages

pytestmark = pytest.mark.usefixtures("compiler")
X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


@pytest.fixture
def compiler(strict_cupy, gpu):
    """The stand-in, whose current GPU is the first before and after each test."""
    yield
    assert strict_cupy.cuda.Device().id == 0


@pytest.fixture(params=["cuda:0", "cuda:1"])
def place(request):
    return request.param


OPERATIONS = {
    "ufuncs": lambda x: (x * 2 + 1) / (x * x + 1),
    "kernels": lambda x: F.relu(x) @ mt.ones(3, 2, dtype=mt.float64, device=x.device),
    "softmax": lambda x: F.softmax(x, 1),
    "logsumexp": lambda x: x.logsumexp(0),
    "gelu": F.gelu,
    "max with indices": lambda x: x.max(1).values,
    "sort": lambda x: x.sort(0).values,
    "indexing": lambda x: x[mt.tensor([1, 0, 1])],
    "masked_select": lambda x: x.masked_select(x > 0),
    "cat and split": lambda x: mt.cat([x, x.flip(0)]).split(1)[3],
    "a view that is written": lambda x: (x * 1).T.clone().mul_(3)[1:],
    "where": lambda x: mt.where(x > 0, x, mt.zeros_like(x)),
    "cumsum": lambda x: x.cumsum(1),
    "cross entropy": lambda x: F.cross_entropy(x, mt.tensor([2, 0]).to(x.device)),
    "cross entropy of probabilities": lambda x: F.cross_entropy(x, F.softmax(-x.detach(), 1)),
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True),
    "a hook": lambda x: hooked(x * 2) * x,
}


def hooked(x):
    x.register_hook(lambda grad: grad + mt.ones_like(grad))
    return x


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_operations_and_their_gradients(operation, place):
    results = []
    for device in ("cpu", place):
        x = mt.tensor(X, device=device, requires_grad=True)
        y = operation(x)
        weights = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
        (y * mt.tensor(weights, device=device)).sum().backward()
        assert y.device == x.grad.device == device
        results.append((y.detach().cpu().numpy(), x.grad.cpu().numpy()))
    for there, here in zip(*reversed(results), strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-12, atol=1e-12)


def test_two_gpus_in_turns():
    """One network on each; a step of one leaves the other and the current GPU alone."""
    nets, losses = [], []
    for place in ("cpu", "cuda:0", "cuda:1"):
        mt.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).double().to(place)
        nets.append((net, mt.optim.Adam(net.parameters(), lr=0.1), place))
    for _ in range(3):
        for net, optimizer, place in nets:
            optimizer.zero_grad()
            loss = (net(mt.tensor(X, device=place)) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    for first in range(0, 9, 3):
        np.testing.assert_allclose(losses[first : first + 3], losses[first], rtol=1e-12)


def test_a_network_over_two_gpus():
    """Layers on both, one optimizer for all, the norm of all gradients; as on one device."""
    outcomes = []
    for first, second in (("cpu", "cpu"), ("cuda:0", "cuda:1"), ("cuda:1", "cuda:0")):
        mt.manual_seed(0)
        bottom, top = nn.Linear(3, 4).double().to(first), nn.Linear(4, 2).double().to(second)
        parameters = [*bottom.parameters(), *top.parameters()]
        optimizer = mt.optim.SGD(parameters, lr=0.1, momentum=0.9)
        for _ in range(2):
            optimizer.zero_grad()
            (top(bottom(mt.tensor(X, device=first)).tanh().to(second)) ** 2).sum().backward()
            norm = clip_grad_norm_(parameters, 0.5).item()
            optimizer.step()
        outcomes.append([norm, *(p.detach().cpu().numpy() for p in parameters)])
    for outcome in outcomes[1:]:
        for there, here in zip(outcome, outcomes[0], strict=True):
            np.testing.assert_allclose(there, here, rtol=1e-10)


def test_arrays_of_two_gpus_are_refused():
    here, there = mt.ones(2, 2, device="cuda:0"), mt.ones(2, 2, device="cuda:1")
    for mix in (
        lambda: here * there,
        lambda: there @ here,
        lambda: F.linear(here, there),
        lambda: there.copy_(there + here),
    ):
        with pytest.raises(ValueError, match=r"arrays lie on cuda:0 and cuda:1; move them to one GPU with \.to"):
            mix()
    here.copy_(there * 3)  # which moves
    assert here.tolist() == [[3, 3], [3, 3]]
    with pytest.raises(ValueError, match="arrays lie on cuda:0 and cuda:1"):
        matmul(here._array, there._array)


def test_kernels_and_arrays_without_tensors(place):
    x = on_gpu(X[:, ::-1], "cuda", int(place[-1]))
    y = relu(x)
    assert y.device.id == x.device.id == int(place[-1])
    np.testing.assert_array_equal(on_cpu(y), np.maximum(X[:, ::-1], 0))
    with on_gpu_of((np.ones(1), x)):
        np.testing.assert_array_equal(on_cpu(x.T * 2), 2 * X[:, ::-1].T)
    np.testing.assert_array_equal(on_cpu(on_gpu(x.T, "cuda", 1 - x.device.id)), X[:, ::-1].T)  # strided, to the other


def test_copies_stay_where_they_are(place):
    x = mt.tensor(X, device=place, requires_grad=True)
    x.sum().backward()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), mt.tensor(x), x.clone(), x.detach().T.contiguous()):
        assert twin.device == place
        assert twin.sum().item() == X.sum()
    assert copy.deepcopy(x).grad.device == place
    assert mt.equal(x, copy.deepcopy(x))
    assert 4.0 in x


def test_gradients_from_both_sides():
    """A leaf on one GPU that reaches the loss on another twice; what is added up stays the leaf's."""
    x = mt.tensor(X, device="cuda:0", requires_grad=True)
    for _ in range(2):
        (x.to("cuda:1") * 3 + (x * 2).to("cuda:1")).sum().backward()
    assert x.grad.device == "cuda:0"
    np.testing.assert_array_equal(x.grad.cpu().numpy(), np.full((2, 3), 10.0))


def test_averages_and_generators(place):
    net = nn.Linear(3, 2).double().to(place)
    ema = EMA(net, 0.5)
    before = net.weight.detach().cpu().numpy().copy()
    ema.update()
    with mt.no_grad():
        net.weight.add_(2)
    ema.update()
    with ema.averaged():
        np.testing.assert_allclose(net.weight.detach().cpu().numpy(), before + 1)
    masks = []
    for _ in range(2):
        mt.manual_seed(3)
        masks.append(F.dropout(mt.ones(50, device=place), 0.5).tolist())
    assert masks[0] == masks[1]
    assert 0 < masks[0].count(0) < 50


@pytest.mark.parametrize("workers", [0, 1])
def test_batches(place, workers):
    expected = [(x.numpy(), y.numpy()) for x, y in DataLoader(ByteImages(), 4)]
    loader = DataLoader(ByteImages(), 4, device=place, num_workers=workers)
    for (x, y), (images, labels) in zip(loader, expected, strict=True):
        assert x.device == y.device == place
        np.testing.assert_array_equal(x.cpu().numpy(), images)
        np.testing.assert_array_equal(y.cpu().numpy(), labels)


@pytest.mark.parametrize("kind", ["compiled", "hybridized"])
def test_recorded_and_captured_steps(kind, place):
    """Seven steps, the last three of which are launches of a graph where the step is compiled."""
    weights = []
    for how, device in (("eager", "cpu"), (kind, place)):
        mt.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double().to(device)
        optimizer = mt.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

        def step(x, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (net(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        if how == "hybridized":
            net.hybridize()
        run = mt.compile(step) if how == "compiled" else step
        losses = [run(mt.tensor(X * i, device=device)).item() for i in range(1, 8)]
        weights.append([losses, *(p.detach().cpu().numpy() for p in net.parameters())])
        assert how != "compiled" or run.latest.capturing.captured is not None
    for there, here in zip(*reversed(weights), strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-10)


def test_the_gradient_check(place):
    x = mt.tensor(X, device=place, requires_grad=True)
    assert gradcheck(lambda x: F.gelu(x).sum(0), x)
