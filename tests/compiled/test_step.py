"""A compiled step does what the eager one does, bit by bit."""

import copy
import pickle
import threading

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.compiled import RecordingError
from minitorch_cv.nn import functional as F
from minitorch_cv.train.ema import EMA
from minitorch_kernels import memory

from .training import Dense, Inception, Residual, assert_same, assert_trains_alike, batches, conv_net, trainer


@pytest.fixture(autouse=True)
def small_buffers_are_planned(monkeypatch):
    """Let the tiny arrays of these tests come from the arena."""
    monkeypatch.setattr(memory, "LARGE", 64)


def repeat(run, times, *args):
    for _ in range(times):
        run(*args)


def eager_and_compiled(train):
    """What `train(wrap)` returns where `wrap(step)` is the step itself, and where it is compiled."""
    return train(lambda step: step), train(torch.compile)


NETS = {
    "sigmoid": conv_net,
    "relu": lambda: conv_net(nn.ReLU),
    "dropout": lambda: conv_net(nn.ReLU, 0.5),
    "residual": Residual,
    "dense": Dense,
    "inception": Inception,
}


@pytest.mark.parametrize("name", NETS)
def test_training_is_the_same_bits(name):
    compiled = assert_trains_alike(NETS[name], batches(6), momentum=0.9, weight_decay=1e-3)
    assert compiled.plan.arena_bytes < compiled.plan.requested_bytes


def test_training_on_the_references():
    with torch.use("reference"):
        assert_trains_alike(Residual, batches(4))


def test_the_last_smaller_batch_has_a_recording_of_its_own():
    small = batches(6, 3, seed=1)
    data = [batch for pair in zip(batches(6), small) for batch in pair]
    compiled = assert_trains_alike(conv_net, data)
    assert len(compiled.recordings) == 2


def test_other_strides_are_recorded_anew():
    images = batches(8)
    turned = [(torch.tensor(x.numpy().transpose(1, 2, 3, 0)).permute(3, 0, 1, 2), y) for x, y in images]
    assert turned[0][0].stride() != images[0][0].stride()
    data = [batch for pair in zip(images, turned) for batch in pair]
    assert len(assert_trains_alike(conv_net, data).recordings) == 2


def test_a_schedule_takes_effect():
    data = batches(7)
    nets = []
    for wrap in (lambda step: step, torch.compile):
        net, optimizer, step = trainer(conv_net)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        run = wrap(step)
        for x, y in data:
            run(x, y)
            scheduler.step()
        nets.append(net)
    assert_same(*nets)


def test_what_changes_state_is_repeated():
    """Clipping, a schedule and a moving average inside the step."""

    def train(wrap):
        torch.manual_seed(0)
        net = conv_net()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        ema = EMA(net, 0.5)

        @wrap
        def step(x, y):
            net.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(net.parameters(), 0.01)
            nn.utils.clip_grad_value_(net.parameters(), 0.001)
            optimizer.step()
            scheduler.step()
            ema.update()
            return loss, norm

        norms = [step(x, y)[1].item() for x, y in batches(6)]
        return net, ema.averages, (optimizer.param_groups[0]["lr"], scheduler.last_epoch, norms)

    (net, averages, rest), (other, other_averages, other_rest) = eager_and_compiled(train)
    assert_same(net, other)
    assert rest == other_rest
    for name, value in averages.items():
        np.testing.assert_array_equal(value, other_averages[name])


def test_gradients_are_added_up_where_nobody_sets_them_to_zero():
    def train(wrap):
        net, optimizer, _ = trainer(conv_net)
        run = wrap(lambda x, y: F.cross_entropy(net(x), y).backward())
        for number, (x, y) in enumerate(batches(9)):
            run(x, y)
            if number in (3, 6):
                optimizer.step()
                optimizer.zero_grad()
        return net

    assert_same(*eager_and_compiled(train))


def test_gradients_outlive_the_next_replay():
    net, _, step = trainer(conv_net)
    run = torch.compile(step)
    data = batches(6)
    for x, y in data[:5]:
        loss = run(x, y)
    held = [p.grad for p in net.parameters()]
    copies, value = [grad.numpy().copy() for grad in held], loss.item()
    run(*data[5])
    for grad, copied in zip(held, copies):
        np.testing.assert_array_equal(grad.numpy(), copied)
    assert loss.item() == value


def test_a_step_written_by_hand():
    """Section 3.4 of the book: parameters changed in place, gradients set to zero."""

    def train(wrap):
        torch.manual_seed(0)
        w, b = torch.randn(64, 3, requires_grad=True), torch.zeros(3, requires_grad=True)

        @wrap
        def step(x, y):
            logits = x.reshape(-1, 64) @ w + b
            loss = F.cross_entropy(logits, y)
            loss.backward()
            with torch.no_grad():
                for p in (w, b):
                    p -= 0.1 * p.grad
                    p.grad.zero_()
            return loss, (logits.argmax(1) == y).sum()

        return [[part.item() for part in step(x, y)] for x, y in batches(6)], w.tolist(), b.tolist()

    eager, compiled = eager_and_compiled(train)
    assert eager == compiled


def test_tensors_used_twice_views_and_casts():
    def step(x, y):
        z = x.reshape(x.shape[0], -1)
        z = z[:, ::2] * z[:, 1::2] + z.mean(1, keepdim=True)
        half, rest = z.split([10, 22], 1)
        z = torch.cat((half.transpose(0, 1).contiguous().t(), rest, half), 1)
        return (z * z).sum() + (z.to(torch.float64) ** 2).mean() + z.flatten()[3] * 2

    grads = []
    for wrap in (lambda step: step, torch.compile):
        run = wrap(step)
        for x, y in batches(5):
            x.requires_grad_()
            run(x, y).backward()
            grads.append(x.grad.numpy())
    for ours, theirs in zip(grads[:5], grads[5:]):
        np.testing.assert_array_equal(ours, theirs)


def test_writes_in_place():
    def step(x, y):
        z = x * 2
        z += x
        z.clamp_(0.5, 2)
        z = torch.sigmoid(z) + 1
        z.mul_(z + 1)
        total = torch.zeros(4)
        total += z.sum((1, 2, 3))
        total[1] = 5.0
        return total.sum(), total.detach()

    results = []
    for wrap in (lambda step: step, torch.compile):
        run = wrap(step)
        for x, y in batches(5):
            x.requires_grad_()
            total, parts = run(x, y)
            total.backward()
            results.append((total.item(), parts.tolist(), x.grad.tolist()))
    assert results[:5] == results[5:]


def test_random_numbers_are_drawn_anew():
    drawn = []
    for wrap in (lambda step: step, torch.compile):
        torch.manual_seed(3)
        run = wrap(lambda x: x * torch.rand(4) + torch.randn_like(x) + F.dropout(x, 0.5))
        drawn.append([run(torch.ones(4)).tolist() for _ in range(5)])
    assert drawn[0] == drawn[1]
    assert drawn[0][3] != drawn[0][4]


def test_a_parameter_without_gradient_and_a_frozen_one():
    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = conv_net()
            self.unused = nn.Linear(2, 2)
            self.net[0].requires_grad_(False)

        def forward(self, x):
            return self.net(x)

    compiled = assert_trains_alike(Part, batches(5))
    assert not any("convolution backward" in row.name and len(row.shapes) == 0 for row in compiled.plan.rows)


def test_freezing_afterwards_is_noticed():
    nets = []
    for wrap in (lambda step: step, torch.compile):
        net, _, step = trainer(conv_net)
        run = wrap(step)
        for number, (x, y) in enumerate(batches(9)):
            if number == 4:
                net[0].requires_grad_(False)
            run(x, y)
        nets.append(net)
    assert_same(*nets)


def test_training_and_evaluation_have_recordings_of_their_own():
    def train(wrap):
        net, _, step = trainer(Residual)
        run, predict = wrap(step), wrap(lambda x: net(x))
        outputs = []
        for number, (x, y) in enumerate(batches(8)):
            torch.manual_seed(number)
            net.train()
            run(x, y)
            net.eval()
            with torch.no_grad():
                outputs.append(predict(x).tolist())
        return net, outputs

    (net, outputs), (other, other_outputs) = eager_and_compiled(train)
    assert_same(net, other)
    assert outputs == other_outputs


def test_load_state_dict_is_seen():
    net, _, step = trainer(conv_net)
    run = torch.compile(step)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    data = batches(5)
    first = [run(x, y).item() for x, y in data]
    net.load_state_dict(before)
    assert [run(x, y).item() for x, y in data] == first


def test_replaced_parameters_are_seen():
    net, _, step = trainer(conv_net)
    run = torch.compile(step)
    data = batches(5)
    for x, y in data:
        run(x, y)
    net.double()
    doubled = [(x.double(), y) for x, y in data]
    assert run(*doubled[0]).dtype == torch.float64
    other, _, eager = trainer(conv_net)
    for x, y in data:
        eager(x, y)
    other.double()
    eager(*doubled[0])
    assert_same(net, other)


def test_two_steps_side_by_side():
    pairs = [(trainer(build), trainer(build)) for build in (conv_net, Residual)]
    compiled = [torch.compile(pair[1][2]) for pair in pairs]
    for number, (x, y) in enumerate(batches(5)):
        for (eager, other), run in zip(pairs, compiled):
            torch.manual_seed(number)
            eager[2](x, y)
            torch.manual_seed(number)
            run(x, y)
            assert_same(eager[0], other[0])


def test_one_step_from_two_threads():
    """Both threads predict with one compiled function; each has memory of its own."""
    net, _, _ = trainer(conv_net)
    net.eval()
    run = torch.compile(net)
    data = batches(6)
    with torch.no_grad():
        expected = [net(x).tolist() for x, _ in data]
        for x, _ in data[:4]:
            run(x)
    results = {}

    def predict(name):
        with torch.no_grad():
            results[name] = [run(x).tolist() for x, _ in data for _ in range(5)][::5]

    threads = [threading.Thread(target=predict, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {"a": expected, "b": expected}


def test_labels_are_checked_in_a_replay():
    _, _, step = trainer(conv_net)
    run = torch.compile(step)
    data = batches(5)
    for x, y in data:
        run(x, y)
    with pytest.raises(IndexError, match="label 3"):
        run(data[0][0], torch.tensor([0, 1, 2, 3]))
    run(*data[0])


def test_lazy_layers_get_ready_first():
    def build():
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(5), nn.ReLU(), nn.Linear(5, 3))

    nets = []
    for wrap in (lambda step: step, torch.compile):
        torch.manual_seed(0)
        net = build()
        run = wrap(lambda x, y, net=net: F.cross_entropy(net(x), y))
        for x, y in batches(5):
            net.zero_grad()
            run(x, y).backward()
        nets.append(net)
    assert_same(*nets)


def test_results_in_tuples_lists_and_dictionaries():
    w = torch.ones(3)
    run = torch.compile(lambda x: {"twice": [x * 2, x], "w": (w, None)})
    for _ in range(4):
        x = torch.arange(3.0)
        result = run(x)
        assert result["twice"][0].tolist() == [0, 2, 4]
        assert result["twice"][1] is x
        assert result["w"] == (w, None)


def test_plain_arguments_choose_the_recording():
    run = torch.compile(lambda x, times: x * times)
    for _ in range(4):
        assert run(torch.ones(2), 3).tolist() == [3, 3]
        assert run(torch.ones(2), 4).tolist() == [4, 4]
    with pytest.raises(TypeError, match="got \\(list\\)"):
        torch.compile(lambda xs: xs[0])([torch.ones(2)])
    with pytest.raises(TypeError, match="pass times by position"):
        run(torch.ones(2), times=2)


def test_a_compiled_network_is_still_one():
    net = conv_net()
    run = torch.compile(net)
    assert list(run.parameters()) == list(net.parameters())
    x = batches(1)[0][0]
    for _ in range(4):
        np.testing.assert_array_equal(run(x).detach().numpy(), net(x).detach().numpy())
    for twin in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        assert twin.step is not net
        np.testing.assert_array_equal(twin(x).detach().numpy(), net(x).detach().numpy())


def test_a_step_that_never_settles_is_an_error():
    count = iter(range(100))
    run = torch.compile(lambda x: x * next(count))
    with pytest.raises(RecordingError, match=r"test_step.py:\d+: mul was called with different options"):
        repeat(run, 9, torch.ones(2))


def test_modes_that_alternate_from_the_start():
    def train(wrap):
        net, _, _ = trainer(Residual)
        run = wrap(lambda x: net(x))
        results = []
        for number, (x, _) in enumerate(batches(10)):
            net.train(number % 2 == 0)
            torch.manual_seed(number)
            results.append(run(x).tolist())
        return results

    eager, compiled = eager_and_compiled(train)
    assert eager == compiled


def test_a_parameter_with_another_array_is_seen():
    net, _, _ = trainer(conv_net)
    run = torch.compile(lambda x: net(x))
    x = batches(1)[0][0]
    repeat(run, 4, x)
    net[0].weight.data = torch.zeros(3, 1, 3, 3)
    np.testing.assert_array_equal(run(x).detach().numpy(), net(x).detach().numpy())


def test_an_operation_that_returns_its_input():
    w = torch.ones(3, requires_grad=True)

    def step(x):
        with torch.no_grad():
            same = w.contiguous()
        (x * same + x * w).sum().backward()

    run = torch.compile(step)
    for count in range(1, 6):
        run(torch.arange(3.0))
        assert w.grad.tolist() == [0, count, 2 * count]


def test_a_write_to_an_argument_is_seen_outside():
    w, x = torch.ones(3, requires_grad=True), torch.ones(3)

    def step(x):
        x += 1

    run = torch.compile(step)
    repeat(run, 4, x)
    y = (w * x).sum()
    run(x)
    assert x.tolist() == [6, 6, 6]
    with pytest.raises(RuntimeError, match="was changed in place after the forward pass"):
        y.backward()


def test_a_gradient_that_an_operation_does_not_give():
    """Batch norm by given statistics passes no gradient to them: what made them is not reached."""

    def train(wrap):
        w, scale = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)

        @wrap
        def step(x):
            F.batch_norm(x, w * 2, torch.ones(2), scale).sum().backward()

        repeat(step, 4, torch.arange(8.0).reshape(4, 2))
        return w.grad, scale.grad.tolist()

    eager, compiled = eager_and_compiled(train)
    assert eager[0] is None
    assert eager == compiled
