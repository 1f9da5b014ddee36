"""A step on a GPU is captured as a graph, and each launch does what the eager step does, bit by bit."""

import re

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim
from minitorch_cv.compiled import RecordingError
from minitorch_cv.compiled.instructions import Backward, Call, Operation, Receive, Seed
from minitorch_cv.data import DataLoader
from minitorch_cv.nn import functional as F
from minitorch_cv.optim.optimizer import Optimizer

from .. import gpu
from ..data.byte_images import ByteImages

pytestmark = pytest.mark.usefixtures("gpu")


def small_net():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


def conv_net():
    """Convolution, batch norm, an activation, a pooling and a linear layer; the first two activations are fused."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def batches(count, shape=(4,), size=3, seed=0):
    """Inputs (size, *shape) in float64, and labels below 3, on the GPU of --device."""
    rng = np.random.default_rng(seed)
    return [
        (
            torch.tensor(rng.standard_normal((size, *shape))).to(gpu.name),
            torch.tensor(rng.integers(0, 3, size)).to(gpu.name),
        )
        for _ in range(count)
    ]


def on_the_gpu(build):
    """A network from one seed, in float64."""
    torch.manual_seed(5)
    return build().double().to(gpu.name)


def state(net):
    """Copies of all parameters, buffers and gradients."""
    values = {name: tensor.cpu().numpy().copy() for name, tensor in net.state_dict().items()}
    grads = {f"{name}.grad": p.grad.cpu().numpy() for name, p in net.named_parameters() if p.grad is not None}
    return values | grads


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def captured_ones(run):
    """Of each recording, whether there is a graph."""
    return [recording.capturing.captured is not None for kind in run.recordings.values() for recording in kind]


def is_captured(run):
    return run.latest.capturing.captured is not None


def assert_trains_alike(make_step, build, data, captured=True):
    """Train eagerly and compiled on the same batches; the results and the network agree after each step.

    make_step(net) gives the step, and what is to be done after each.
    """
    nets = [on_the_gpu(build) for _ in range(2)]
    (eager, after), (step, after_step) = map(make_step, nets)
    run = torch.compile(step)
    for batch in data:
        expected = [tensor.item() for tensor in flat(eager(*batch))]
        assert [tensor.item() for tensor in flat(run(*batch))] == expected
        assert_same(state(nets[1]), state(nets[0]))
        after()
        after_step()
    assert is_captured(run) == captured, run.latest.capturing.why_not
    return run, nets[1]


def flat(result):
    return result if isinstance(result, tuple) else (result,) if result is not None else ()


def training(make_optimizer, schedule=None, set_to_none=True):
    """A whole training step."""

    def make_step(net):
        optimizer = make_optimizer(net.parameters())
        scheduler = schedule(optimizer) if schedule else None

        def step(x, y):
            optimizer.zero_grad(set_to_none)
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step, scheduler.step if scheduler else lambda: None

    return make_step


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda parameters: optim.SGD(parameters, lr=0.1),
        lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True),
        lambda parameters: optim.Adam(parameters, lr=0.1),
        lambda parameters: optim.AdamW(parameters, lr=0.1, amsgrad=True),
        lambda parameters: optim.RMSprop(parameters, lr=0.1, momentum=0.9, centered=True),
        lambda parameters: optim.Adagrad(parameters, lr=0.1, lr_decay=0.1),
        lambda parameters: optim.Adadelta(parameters, lr=0.5, weight_decay=1e-2),
    ],
)
@pytest.mark.parametrize("set_to_none", [True, False])
def test_training_with_a_schedule(make_optimizer, set_to_none):
    def schedule(optimizer):
        return optim.lr_scheduler.ExponentialLR(optimizer, 0.8)

    assert_trains_alike(training(make_optimizer, schedule, set_to_none), small_net, batches(7))


def test_running_statistics():
    run, net = assert_trains_alike(
        training(lambda p: optim.SGD(p, lr=0.1, momentum=0.9)), conv_net, batches(7, (1, 4, 4))
    )
    assert net[1].num_batches_tracked.item() == 7
    assert "batch_norm_training_add_relu" in [row.name for row in run.plan.rows]


def test_a_schedule_with_momentum_inside_the_step():
    def make_step(net):
        optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9)

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
            scheduler.step()

        return step, lambda: None

    assert_trains_alike(make_step, small_net, batches(8))


def test_several_optimizers_and_two_results():
    """One for each layer, a second over the first layer's parameters, gradients that are forgotten at the end."""

    def make_step(net):
        first, second = optim.SGD(net[0].parameters(), lr=0.1, momentum=0.5), optim.Adam(net[2].parameters(), lr=0.01)
        again = optim.SGD(net[0].parameters(), lr=0.01, momentum=0.5)

        def step(x, y):
            logits = net(x)
            loss = F.cross_entropy(logits, y)
            loss.backward()
            first.step()
            second.step()
            again.step()
            net.zero_grad()
            return loss, logits.argmax(1).sum()

        return step, lambda: None

    _, net = assert_trains_alike(make_step, small_net, batches(7))
    assert net[0].weight.grad is None


def test_each_shape_has_a_graph_of_its_own():
    data = [batch for pair in zip(batches(6), batches(6, size=2, seed=1)) for batch in pair]
    run, _ = assert_trains_alike(training(lambda p: optim.Adam(p, lr=0.1)), small_net, data)
    assert captured_ones(run) == [True, True]


@pytest.mark.parametrize("every", [1, 2, 3, 100])
def test_gradients_that_are_added_up(every):
    """They are set to zero outside of the step, if ever: where they are not as they were, no graph is launched."""

    def make_step(net):
        optimizer, calls = optim.SGD(net.parameters(), lr=0.1), iter(range(1, 100))

        def after():
            if next(calls) % every == 0:
                optimizer.step()
                optimizer.zero_grad()

        return lambda x, y: F.cross_entropy(net(x), y).backward(), after

    assert_trains_alike(make_step, small_net, batches(11))


def test_parameters_changed_by_hand():
    def make_step(net):
        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.1 * p.grad
                    p.grad.zero_()
            return loss

        return step, lambda: None

    assert_trains_alike(make_step, small_net, batches(7))


def ready(make_step, build=small_net, count=5, **options):
    """A compiled step after so many calls, its network, and more batches."""
    net = on_the_gpu(build)
    run, data = torch.compile(make_step(net)[0]), batches(count + 4, **options)
    for batch in data[:count]:
        run(*batch)
    return run, net, data[count:]


def test_a_launch_runs_no_python(monkeypatch):
    run, _, data = ready(training(lambda p: optim.SGD(p, lr=0.1, momentum=0.9)))

    def refuse(*_):
        raise AssertionError

    for kind in (Operation, Backward, Receive, Seed):
        monkeypatch.setattr(kind, "run", refuse)
    monkeypatch.setattr(optim.SGD, "update_all", refuse)
    original, called, launched = Call.run, [], []
    monkeypatch.setattr(Call, "run", lambda call, *args: (called.append(call.name), original(call, *args)))
    graphs = type(run.latest.capturing.captured.graph)
    launch = graphs.launch
    monkeypatch.setattr(graphs, "launch", lambda graph: (launched.append(1), launch(graph)))
    losses = [run(*batch).item() for batch in data]
    assert len(launched) == len(data)
    assert called == ["Optimizer.zero_grad"] * len(data)
    assert len(set(losses)) == len(data)


def test_results_are_the_callers():
    run, _, data = ready(training(lambda p: optim.SGD(p, lr=0.1)))
    first = run(*data[0])
    value = first.item()
    run(*data[1])
    assert first.item() == value


def test_gradients_are_the_same_arrays():
    run, net, data = ready(training(lambda p: optim.SGD(p, lr=0.1)))
    run(*data[0])
    held, value = net[0].weight.grad, net[0].weight.grad.cpu().numpy()
    run(*data[1])
    assert net[0].weight.grad is held
    assert not np.array_equal(held.cpu().numpy(), value)


def test_numbers_are_written_only_when_they_change(monkeypatch):
    from minitorch_kernels.cuda import graph

    written, original = [], graph.overwrite
    monkeypatch.setattr(graph, "overwrite", lambda array, values: (written.append(1), original(array, values)))
    net = on_the_gpu(small_net)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    run = torch.compile(training(lambda _: optimizer)(net)[0])
    for batch in batches(4):
        run(*batch)
    written.clear()  # a CUDA graph's own are written at the end of the capture
    for batch in batches(2):
        run(*batch)
    assert not written
    optimizer.param_groups[0]["lr"] = 0.05
    for batch in batches(2):
        run(*batch)
    assert len(written) == 1
    optimizer.param_groups[0]["lr"] = 0.1
    run(*batches(1)[0])
    assert len(written) == 2


def with_momentum(parameters):
    return optim.SGD(parameters, lr=0.1, momentum=0.9)


def changed_in_the_middle(change, make_optimizer=with_momentum):
    """Training goes on right after `change(net, optimizer)`, and is captured anew where it has to be."""

    def make_step(net):
        optimizer, calls = make_optimizer(net.parameters()), iter(range(100))
        return training(lambda _: optimizer)(net)[0], lambda: change(net, optimizer) if next(calls) == 5 else None

    return assert_trains_alike(make_step, small_net, batches(12))


def test_state_that_is_loaded():
    def change(net, optimizer):
        saved = optimizer.state_dict()
        for entries in saved["state"].values():
            entries["momentum_buffer"] = entries["momentum_buffer"].cpu() * 2
        optimizer.load_state_dict(saved)

    changed_in_the_middle(change)


def test_state_that_is_lost():
    changed_in_the_middle(lambda net, optimizer: optimizer.state.clear())
    changed_in_the_middle(lambda net, optimizer: optimizer.state.clear(), lambda p: optim.Adam(p, lr=0.1))


@pytest.mark.parametrize(
    ("option", "value"), [("momentum", 0), ("momentum", 0.5), ("nesterov", True), ("weight_decay", 0.1)]
)
def test_options_that_change(option, value):
    changed_in_the_middle(lambda net, optimizer: optimizer.param_groups[0].update({option: value}))


def test_a_buffer_that_is_wanted_from_now_on():
    def change(net, optimizer):
        optimizer.param_groups[0]["amsgrad"] = True

    changed_in_the_middle(change, lambda p: optim.Adam(p, lr=0.1))


def test_a_parameter_that_joins_the_optimizer():
    def make_optimizer(parameters):
        return optim.SGD(list(parameters)[:2], lr=0.1, momentum=0.9)

    changed_in_the_middle(
        lambda net, optimizer: optimizer.add_param_group({"params": net[2].parameters()}), make_optimizer
    )


def test_a_frozen_parameter():
    changed_in_the_middle(lambda net, optimizer: net[0].requires_grad_(False))


@pytest.mark.parametrize("change", ["gradient", "data"])
def test_a_parameter_that_the_step_does_not_reach(change):
    """The optimizer moves it by a gradient from elsewhere: another one, or other memory, is noticed."""

    def make_step(net):
        other = nn.Parameter(torch.ones(2, dtype=torch.float64).to(gpu.name))
        other.grad = torch.ones_like(other)
        optimizer, calls = optim.SGD([*net.parameters(), other], lr=0.1), iter(range(100))
        net.register_parameter("other", other)

        def step(x, y):
            net[0].zero_grad()
            net[2].zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        def after():
            if next(calls) == 5:
                if change == "gradient":
                    other.grad = other.grad * 2
                else:
                    other.data = other.data * 2

        return step, after

    assert_trains_alike(make_step, small_net, batches(11))


def test_gradients_that_are_read_before_they_are_zero():
    def make_step(net):
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        net[0].weight.grad = torch.ones_like(net[0].weight)

        def step(x, y):
            before = net[0].weight.grad.sum()
            optimizer.zero_grad(set_to_none=False)
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
            return before

        return step, lambda: None

    assert_trains_alike(make_step, small_net, batches(8))


def test_gradients_that_are_forgotten_between_two_backwards():
    def make_step(net):
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x, y):
            first = F.cross_entropy(net(x), y)
            first.backward()
            optimizer.zero_grad()
            second = F.cross_entropy(net(x * 2), y)
            second.backward()
            optimizer.step()
            return first, second

        return step, lambda: None

    assert_trains_alike(make_step, small_net, batches(8))


def test_a_hook_that_comes_later():
    def change(net, optimizer):
        net[0].weight.register_hook(lambda grad: grad * 2)

    changed_in_the_middle(change)


def test_weights_that_are_loaded_or_replaced():
    changed_in_the_middle(lambda net, _: net.load_state_dict({k: v * 2 for k, v in net.state_dict().items()}))

    def change(net, _):
        net[0].weight.data = net[0].weight.data * 2

    changed_in_the_middle(change)


def test_evaluation_has_a_graph_of_its_own():
    net, twin = on_the_gpu(conv_net), on_the_gpu(conv_net)
    run = torch.compile(lambda x: net(x))
    for number, (x, _) in enumerate(batches(12, (1, 4, 4))):
        net.train(number % 2 == 0)
        twin.train(number % 2 == 0)
        with torch.no_grad():
            assert_same({"y": run(x).cpu().numpy()}, {"y": twin(x).cpu().numpy()})
    assert_same(state(net), state(twin))
    assert captured_ones(run) == [True, True]


def test_a_hybridized_network():
    """Predictions are launched; in training, the backward comes later, and the forward is replayed without a graph."""
    net, twin = on_the_gpu(conv_net).hybridize(), on_the_gpu(conv_net)
    for x, y in batches(6, (1, 4, 4)):
        for model in (net, twin):
            F.cross_entropy(model(x), y).backward()
        assert_same(state(net), state(twin))
    assert "waits for a backward" in str(net._compiled.plan)
    net.eval()
    twin.eval()
    with torch.no_grad():
        for x, _ in batches(6, (1, 4, 4)):
            assert_same({"y": net(x).cpu().numpy()}, {"y": twin(x).cpu().numpy()})
    assert is_captured(net._compiled)


def test_a_graph_that_saved_a_parameter_notices_the_launch():
    run, net, data = ready(training(lambda p: optim.SGD(p, lr=0.1)))
    waiting = F.linear(data[0][0].requires_grad_(), net[0].weight).sum()
    run(*data[1])
    with pytest.raises(RuntimeError, match="was changed in place after the forward pass"):
        waiting.backward()


# What cannot be captured is replayed, with the same numbers.


def outputs(step, data):
    torch.manual_seed(3)
    return [step(*args).tolist() for args in data]


def assert_replayed(step, data, reason):
    run = torch.compile(step)
    assert outputs(run, data()) == outputs(step, data())
    assert not is_captured(run)
    assert reason in run.latest.capturing.why_not
    assert reason in str(run.plan)


def test_random_numbers_are_drawn_anew():
    def data():
        return [(torch.ones(4, device=gpu.name),)] * 6

    step = lambda x: x * torch.rand(4, device=gpu.name)  # noqa: E731
    assert_replayed(step, data, "rand needs the CPU")
    assert len({tuple(y) for y in outputs(torch.compile(step), data())}) == 6


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.Dropout2d(0.5)])
def test_dropout_is_drawn_anew_by_each_launch(layer):
    """Masks come from a counter in the GPU's memory, which a launch moves on and a seed sets back."""

    def data():
        return [(torch.ones(2, 16, 2, 1, device=gpu.name),)] * 6

    run = torch.compile(lambda x: layer(x))
    expected = outputs(layer, data())
    assert outputs(run, data()) == expected
    assert is_captured(run)
    assert outputs(run, data()) == expected
    assert len({str(y) for y in expected}) == 6


def test_autocast_inside_a_step():
    """A launch rounds as the eager step does; what is outside of the block does not round."""
    weight = torch.tensor([[1 + 2**-12, 3.0]], device=gpu.name)

    def step(x):
        with torch.autocast("cuda"):
            rounded = x @ weight.T
        return rounded, x @ weight.T

    data = [(torch.full((1, 2), 1.0 + i, device=gpu.name),) for i in range(6)]
    run = torch.compile(step)
    for x in data:
        rounded, exact = run(*x)
        assert rounded.item() == 4 * x[0][0, 0].item()
        assert exact.item() == np.float32(x[0][0, 0].item() * (4 + 2**-12))
    assert is_captured(run)


def test_a_step_that_takes_its_own_batches():
    """The number of the batch is counted on the GPU; a new epoch's order reaches the graph."""
    images = ByteImages(count=12)
    images.targets = torch.arange(12)
    loader = DataLoader(images, 4, shuffle=True, generator=torch.Generator().manual_seed(1), device=gpu.name)
    batches = loader.on_device()
    one = torch.ones(1, dtype=torch.int64, device=gpu.name)
    run = torch.compile(lambda: batches.next()[1] * one)
    seen = []
    for _ in range(3):
        batches.start_epoch()
        seen.append([label for _ in range(len(batches)) for label in run().tolist()])
    assert is_captured(run)
    assert all(sorted(epoch) == list(range(12)) for epoch in seen)
    assert len({tuple(epoch) for epoch in seen}) == 3


def test_a_write_to_an_argument_reaches_it():
    def data():
        x = torch.ones(3, device=gpu.name)
        return [(x,)] * 6

    def step(x):
        x[1:] += 1
        return x * 2

    assert_replayed(step, data, "it writes into an argument")


def test_statistics_that_are_arguments_reach_them():
    def data():
        mean, var = torch.zeros(3, device=gpu.name), torch.ones(3, device=gpu.name)
        return [(x.float(), mean, var) for x, _ in batches(6, (3,))]

    def step(x, mean, var):
        F.batch_norm(x, mean, var, training=True)
        return mean + var

    assert_replayed(step, data, "it writes into an argument")


def test_gradients_of_arguments_that_are_forgotten():
    def step(x):
        x.grad = None
        return x * 2

    assert_replayed(
        step, lambda: [(torch.ones(3, device=gpu.name),)] * 6, "_set_grad is called on a tensor of the step"
    )


def test_a_hook_on_a_parameter():
    def make_step(net):
        net[0].weight.register_hook(lambda grad: grad * 2)
        return training(with_momentum)(net)

    run, _ = assert_trains_alike(make_step, small_net, batches(6), captured=False)
    assert "a hook waits" in run.latest.capturing.why_not


def test_another_precision_is_another_recording():
    run, _, data = ready(training(with_momentum))
    torch.set_float32_matmul_precision("high")
    try:
        run(*data[0])
        run(*data[1])
        assert len(run.recordings) == 2
    finally:
        torch.set_float32_matmul_precision("highest")


def test_labels_are_checked_each_time():
    def data():
        return [(F.log_softmax(x, 1), y) for x, y in batches(5, (3,))]

    assert_replayed(F.nll_loss, data, "check_labels needs the CPU")
    run = torch.compile(F.nll_loss)
    outputs(run, data())
    with pytest.raises(IndexError, match="label 3"):
        run(data()[0][0], torch.tensor([0, 3, 1]).to(gpu.name))


def test_a_tensor_on_the_cpu():
    count = torch.zeros(())

    def step(x):
        with torch.no_grad():
            count.add_(1)
        return x * 2

    run = torch.compile(step)
    outputs(run, [(torch.ones(2, device=gpu.name),)] * 6)
    assert f"it reads tensors on cpu and {torch.ones(2, device=gpu.name).device}" in run.latest.capturing.why_not
    assert count.item() == 6


def test_a_result_on_the_cpu():
    assert_replayed(lambda x: x.cpu() * 2, lambda: [(x,) for x, _ in batches(5)], "has a result on the CPU")


def test_another_device_is_another_recording():
    run = torch.compile(lambda x: x * 2)
    outputs(run, [(torch.ones(2, device=gpu.name),)] * 5)
    assert run(torch.ones(2)).device == "cpu"


def test_an_argument_that_requires_a_gradient():
    def make_step(net):
        def step(x):
            (net(x) ** 2).sum().backward()

        return step, lambda: None

    net = on_the_gpu(small_net)
    run = torch.compile(make_step(net)[0])
    for x, _ in batches(5):
        net.zero_grad()
        x.requires_grad_()
        run(x)
        assert x.grad is not None
    assert "an argument requires a gradient" in run.latest.capturing.why_not


def test_an_optimizer_of_ones_own():
    """Its step may do anything; a subclass inherits no promise for what it overrides."""

    class Halved(optim.SGD):
        def update_all(self, params, group):
            super().update_all(params, {**group, "lr": next(rates)})

    rates = iter([0.1 * 0.5**k for k in range(100) for _ in range(2)])
    make_step = training(lambda p: Halved(p, lr=0.1))
    run, _ = assert_trains_alike(make_step, small_net, batches(6), captured=False)
    assert "Optimizer.step of Halved is one that a graph cannot repeat" in run.latest.capturing.why_not
    assert Halved([nn.Parameter(torch.ones(1))]).counted() is None
    assert Optimizer.update_all is not Halved.update_all


def test_reading_a_number_while_capturing_is_an_error():
    """An operation that looks at the numbers; it says where, and later calls are replayed."""
    from minitorch_cv.ops.differentiable import differentiable

    @differentiable
    def scaled(x):
        largest = float(x.max())
        return x / largest, (lambda dy: dy / largest,)

    x = torch.tensor([1.0, 2.0], device=gpu.name)
    run = torch.compile(lambda x: scaled(x) * 2)
    for _ in range(3):
        assert run(x).tolist() == [1, 2]
    with pytest.raises(RecordingError, match=rf"capturing.py:\d+: scaled cannot be captured: {gpu.refusal}"):
        run(x)
    assert run(x * 2).tolist() == [1, 2]
    assert re.search(gpu.refusal, str(run.plan))


def test_what_was_captured_in_vain_leaves_no_gradients():
    """They would lie in memory that goes with the graph."""
    from minitorch_cv.ops.differentiable import differentiable

    @differentiable
    def looked_at(x):
        return x * bool(x > 0), ()

    net = on_the_gpu(small_net)

    def step(x, y):
        net.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        return looked_at(loss.detach())

    run = torch.compile(step)
    data = batches(5)
    for batch in data[:3]:
        run(*batch)
    with pytest.raises(RecordingError, match=gpu.refusal):
        run(*data[3])
    assert net[0].weight.grad is None
    run(*data[4])
    assert net[0].weight.grad is not None
