"""Training on another device: the same losses, weights on that device, checkpoints that any device can read."""

import numpy as np
import pytest

from minitorch_cv import Tensor, device, manual_seed, nn, optim
from minitorch_cv.compiled.capturing import Captured
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.models import lenet
from minitorch_cv.train import evaluate, fit

rng = np.random.default_rng(0)
IMAGES = Tensor(rng.standard_normal((12, 1, 28, 28)))  # float64: what differs is no rounding error
LABELS = Tensor(rng.integers(0, 10, 12))


def with_momentum(parameters):
    return optim.SGD(parameters, lr=0.05, momentum=0.9)


def trained(device, make_optimizer, compiled=False, epochs=1):
    manual_seed(0)
    net = lenet(activation="relu").double().to(device)
    loader = DataLoader(TensorDataset(IMAGES, LABELS), batch_size=4)
    history = fit(
        net,
        loader,
        loader,
        epochs=epochs,
        optimizer=make_optimizer(net.parameters()),
        loss=nn.functional.cross_entropy,
        compiled=compiled,
    )
    return net, history


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-3),
        lambda parameters: optim.AdamW(parameters, lr=1e-3),
        lambda parameters: optim.RMSprop(parameters, lr=1e-3),
    ],
)
def test_a_gpu_trains_as_the_cpu_does(make_optimizer, gpu):
    (here, expected), (there, history) = (trained(device, make_optimizer) for device in ("cpu", gpu))
    assert history[0].train_loss == pytest.approx(expected[0].train_loss, abs=1e-12)
    assert history[0].test_acc == expected[0].test_acc
    for name, weight in there.named_parameters():
        assert weight.device.type == weight.grad.device.type == device(gpu).type
        np.testing.assert_allclose(weight.detach().cpu().numpy(), here.get_parameter(name).detach().numpy(), atol=1e-9)


def test_a_compiled_step_is_launched_as_a_graph(gpu, monkeypatch):
    """Three batches an epoch: two are recorded, the third replayed, the fourth captured, the last two launched."""
    launches, original = [], Captured.run
    monkeypatch.setattr(Captured, "run", lambda *args: launches.append(1) or original(*args))
    nets = [trained(gpu, with_momentum, compiled, epochs=2) for compiled in (False, True)]
    assert len(launches) == 2
    (eager, expected), (net, history) = nets
    assert [epoch.train_loss for epoch in history] == [epoch.train_loss for epoch in expected]
    for name, weight in net.named_parameters():
        np.testing.assert_array_equal(weight.detach().cpu().numpy(), eager.get_parameter(name).detach().cpu().numpy())


def test_evaluation_moves_the_images(gpu):
    net, _ = trained(gpu, lambda parameters: optim.SGD(parameters, lr=0.01))
    loader = DataLoader(TensorDataset(IMAGES, LABELS), batch_size=5)
    assert evaluate(net, loader) == evaluate(net.cpu(), loader)
