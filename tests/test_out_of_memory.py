"""A full GPU: the error names layer, bytes and a batch to try."""

import errno
import os

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv import nn
from minitorch_cv.train import fit
from minitorch_kernels import memory
from minitorch_kernels.sim_arrays import limited_memory

from .strict_cupy import pools

MB = 2**20


def network():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(2 * 14 * 14, 4096))),
        nn.Linear(4096, 2),
    )


def failed(limit, action):
    with limited_memory(limit), pytest.raises(mt.cuda.OutOfMemoryError) as raised:
        action()
    return raised.value


@pytest.mark.parametrize(("limit", "layer"), [(1, "0.0 (Conv2d)"), (30_000, "0.1 (ReLU)"), (150_000, "1.1.0 (Linear)")])
def test_the_layer_is_named_as_the_network_names_it(limit, layer):
    net, x = network().to("cuda-sim"), mt.ones(16, 1, 16, 16, device="cuda-sim")
    error = failed(limit, lambda: net(x))
    assert error.layer == layer
    assert error.batch == 16
    assert f"out of GPU memory in {layer}: " in str(error)
    assert str(error).endswith("; try a batch of 8 instead of 16")


def test_the_bytes_are_named():
    layer, x = nn.ReLU(), mt.ones(1, 250, device="cuda-sim")
    error = failed(500, lambda: layer(x))
    assert error.asked == 1000
    assert str(error) == (
        "out of GPU memory in ReLU: 1,000 bytes asked for (allocated so far: 0 bytes, limit set to: 500 bytes); "
        "there is no room for a single image: use smaller images or a smaller network"
    )
    assert isinstance(error, RuntimeError)
    assert isinstance(error.__cause__, MemoryError)


def test_memory_that_is_given_back_can_be_had_again():
    layer, x = nn.ReLU(), mt.ones(4, 250, device="cuda-sim")
    with limited_memory(9000) as device:
        for _ in range(5):
            y = layer(x)
        assert device.used == y.numel() * 4
    layer(x)


def test_a_backward_names_the_operation():
    net, x = network().to("cuda-sim"), mt.ones(16, 1, 16, 16, device="cuda-sim")
    loss = net(x).sum()
    error = failed(100, loss.backward)
    assert "while going back through " in str(error)
    assert error.batch == 16
    error.find_layer(net)
    assert error.layer == "2 (Linear)"


def test_a_recorded_step():
    step, x = mt.compile(lambda x: x.exp().sum()), mt.ones(16, 4, device="cuda-sim")
    step(x), step(x)
    error = failed(100, lambda: step(x))
    assert str(error).startswith("out of GPU memory while replaying a recorded step: 256 bytes asked for")
    assert error.batch == 16


def test_training_names_the_layer_of_a_backward():
    """The gradient of the large weight has no room, where the forward pass had."""
    net = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(64, 64))).to("cuda-sim")
    data = [(mt.ones(2, 1, 8, 8), mt.zeros(2, dtype=mt.int64))]

    def train():
        fit(net, data, data, epochs=1, optimizer=mt.optim.SGD(net.parameters()), loss=nn.functional.cross_entropy)

    error = failed(12_000, train)
    assert error.layer == "1.0 (Linear)"
    assert "while going back through linear" in str(error)


def test_moving_to_the_device():
    error = failed(300, lambda: mt.ones(9, 9).to("cuda-sim"))
    assert str(error).startswith("out of GPU memory while moving an array of shape (9, 9) to cuda-sim: 324 bytes asked")


def test_errors_of_cupy_and_of_the_cpu_are_translated_and_others_are_not(strict_cupy, monkeypatch):
    monkeypatch.setattr(pools.devices, "memory", 4096)
    x = mt.ones(4, 250, device="cuda")
    with pytest.raises(mt.cuda.OutOfMemoryError, match=r"in 1 \(ReLU\): 4,096 bytes .*batch of 2 instead of 4"):
        nn.Sequential(nn.Flatten(), nn.ReLU())(x)

    class Full(nn.Module):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def forward(self, x):
            raise self.error

    with pytest.raises(MemoryError, match=r"^out of memory in Full: no room; try a batch of 2 instead of 4$"):
        Full(MemoryError("no room"))(mt.ones(4, 2))
    mine = KeyError("mine")
    with pytest.raises(KeyError) as raised:
        Full(mine)(mt.ones(4, 2))
    assert raised.value is mine


def test_without_a_limit_nothing_is_counted():
    assert np.isfinite(nn.ReLU()(mt.ones(3, device="cuda-sim")).cpu().numpy()).all()
    with limited_memory(MB) as device:
        pass
    mt.ones(3, device="cuda-sim")
    assert device.used == 0


@pytest.fixture
def little_memory(monkeypatch):
    """A function that lets no more than so many bytes be had at once from now on."""

    def limit(size):
        mapped = memory.mapped

        def refusing(wanted):
            if wanted > size:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            return mapped(wanted)

        memory.pool.clear()
        monkeypatch.setattr(memory, "mapped", refusing)

    return limit


WIDE = 1024


def wide_network():
    return nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(16, WIDE), nn.ReLU()), nn.Linear(WIDE, 2))


def test_a_full_cpu_names_layer_array_and_batch(little_memory):
    net, x = wide_network(), mt.ones(64, 16)
    little_memory(100_000)
    with pytest.raises(mt.cuda.OutOfMemoryError) as raised:
        net(x)
    assert str(raised.value) == (
        "out of memory in 1.0 (Linear): 262,144 bytes asked for, an array of shape (1, 1024, 64) and float32; "
        "try a batch of 32 instead of 64"
    )
    assert isinstance(raised.value, MemoryError)
    assert raised.value.asked == 262_144


def test_a_full_cpu_on_the_way_back(little_memory):
    net, x = wide_network(), mt.ones(64, 16, requires_grad=True)
    loss = net(x).sum()
    little_memory(100_000)
    with pytest.raises(MemoryError, match=r"out of memory .*while going back through .*; try a batch of 32"):
        loss.backward()


def test_a_full_cpu_in_a_recorded_step(little_memory):
    net, x = wide_network().hybridize(), mt.ones(64, 16)
    with mt.no_grad():
        for _ in range(2):
            net(x)
        little_memory(100_000)
        with pytest.raises(MemoryError, match=r"while replaying a recorded step: .*; try a batch of 32 instead of 64"):
            net(x)


def test_numpys_own_error_is_read():
    class Greedy(nn.Module):
        def forward(self, x):
            return mt.from_numpy(np.empty((len(x), 1 << 20, 1 << 24), np.float32))

    with pytest.raises(mt.cuda.OutOfMemoryError) as raised:
        nn.Sequential(Greedy())(mt.ones(4, 1))
    assert raised.value.asked == 4 * 4 << 44
    assert "in 0 (Greedy)" in str(raised.value)
    assert "an array of shape (4, 1048576, 16777216) and float32" in str(raised.value)


def test_what_the_pool_keeps_is_given_back_before_an_error(monkeypatch):
    mapped, refused = memory.mapped, []

    def once(size):
        if not refused:
            refused.append(size)
            assert memory.pool.held
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        assert memory.pool.held == 0
        return mapped(size)

    memory.pool.clear()
    memory.empty((1 << 16,), np.uint8)  # which the pool keeps
    monkeypatch.setattr(memory, "mapped", once)
    assert memory.empty((1 << 20,), np.uint8).nbytes == 1 << 20
    assert refused == [1 << 20]


@pytest.mark.parametrize("size", [1 << 50, 1 << 62, 1 << 70])
def test_more_than_there_is_at_all(size):
    with pytest.raises(MemoryError, match=f"allocating {size:,} bytes"):
        memory.room(size)
