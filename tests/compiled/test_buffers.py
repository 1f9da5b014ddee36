"""Memory that is planned once: what is in use at the same time never overlaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch_cv as mt
from minitorch_cv.compiled.buffers import Arena, Buffer, Buffers, Layout, Log, place
from minitorch_cv.compiled.replaying import served_by
from minitorch_cv.graph import GradientSum
from minitorch_cv.nn import functional as F
from minitorch_cv.ops.shape import joined
from minitorch_kernels import memory

from .training import Dense, Inception, assert_trains_alike, batches


def buffer(size, start, end):
    return Buffer((size,), np.dtype(np.uint8), size, 0, start, end)


spans = st.tuples(st.integers(1, 500), st.integers(0, 30), st.integers(1, 10))


@given(st.lists(spans, max_size=40))
def test_buffers_in_use_together_never_overlap(data):
    buffers = [buffer(size, start, start + length) for size, start, length in data]
    total = place(buffers)
    for i, a in enumerate(buffers):
        assert a.offset % memory.LINE == 0
        assert a.offset + a.size <= total
        for b in buffers[:i]:
            together = a.start < b.end and b.start < a.end
            apart = a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
            assert apart or not together


def test_a_chain_of_buffers_needs_room_for_two():
    chain = [buffer(640, time, time + 2) for time in range(20)]
    assert place(chain) == 2 * 640


def test_a_buffer_fits_into_the_gap_between_two():
    first, gap, last = buffer(640, 0, 10), buffer(640, 0, 5), buffer(640, 0, 10)
    small = buffer(64, 6, 8)
    assert place([first, gap, last, small]) == 3 * 640
    assert small.offset in range(0, 3 * 640)


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(1, 5, 6), (2, 0, 6), (3, 6, 7), (2, 3, 7)], 5),
        ([(3, 5, 9), (4, 2, 4), (2, 3, 8), (2, 4, 10)], 7),
        ([(2, 1, 3), (1, 2, 6), (3, 4, 5), (3, 0, 2)], 5),
    ],
)
def test_the_best_of_several_orders_is_taken(spans, most):
    """(size, start, end): no more than what is in use at once, which for each of these takes another order."""
    assert place([buffer(memory.LINE * size, start, end) for size, start, end in spans]) == memory.LINE * most


def test_a_log_knows_when_the_last_view_is_gone():
    log = Log()
    a = log.empty((4, 8), np.dtype(np.float32), 128)
    view = a.T[2:]
    b = log.empty((8,), np.dtype(np.float64), 64)
    del a
    c = log.empty((8,), np.dtype(np.float64), 64)
    del view
    first, second, third = log.buffers
    assert first.start < second.start < third.start < first.end
    del c
    layout = Layout(log.buffers)
    assert second.offset is None  # b outlives the log
    assert layout.planned == [first, third]
    assert b.shape == (8,)


def test_what_is_handed_out_is_not_planned():
    log = Log()
    a = log.empty((8,), np.dtype(np.float64), 64)
    log.escape(a[2:].reshape(2, 3))
    del a
    assert Layout(log.buffers).size == 0


def logged(*shapes):
    """The buffers of a run that asks for these, one after the other."""
    buffers = Buffers()
    log = buffers.take()
    for shape in shapes:
        log.empty(shape, np.dtype(np.float32), 4 * shape[0])
    buffers.give_back(log)
    return buffers


def test_an_arena_serves_the_same_arrays_each_time():
    buffers = logged((100,), (50,))
    arena = buffers.take()
    assert isinstance(arena, Arena)
    first = [arena.empty((n,), np.dtype(np.float32), 4 * n) for n in (100, 50)]
    assert all(array.ctypes.data % memory.LINE == 0 for array in first)
    buffers.give_back(arena)
    assert buffers.take() is arena
    assert arena.empty((100,), np.dtype(np.float32), 400) is first[0]


def test_two_runs_at_once_get_arenas_of_their_own():
    buffers = logged((100,))
    a, b = buffers.take(), buffers.take()
    assert not np.shares_memory(*(arena.empty((100,), np.dtype(np.float32), 400) for arena in (a, b)))


def test_an_unforeseen_request_is_served_and_planned_anew():
    buffers = logged((100,), (50,))
    arena = buffers.take()
    arena.empty((100,), np.dtype(np.float32), 400)
    other = arena.empty((60,), np.dtype(np.float32), 240)
    assert other.shape == (60,)
    assert not any(array is not None and np.shares_memory(array, other) for array in arena.arrays)
    buffers.give_back(arena)
    assert isinstance(buffers.take(), Log)


def test_too_few_requests_are_planned_anew():
    buffers = logged((100,), (50,))
    arena = buffers.take()
    arena.empty((100,), np.dtype(np.float32), 400)
    buffers.give_back(arena)
    assert isinstance(buffers.take(), Log)


def requests(make):
    """The bytes that a computation asks for, each time, through the kernels' memory."""
    log = Log()
    with served_by(log):
        result = make()
    return [buffer.size for buffer in log.buffers], result


def test_joined_tensors_and_sums_of_gradients_lie_in_planned_memory():
    parts = [np.ones((channels, 8, 8, 64), np.float32).transpose(3, 0, 1, 2) for channels in (2, 3)]
    sizes, (y, _) = requests(lambda: joined.__wrapped__(*parts, dim=1))
    assert sizes == [y.nbytes]
    assert y.strides == (4, 64 * 64 * 4, 8 * 64 * 4, 64 * 4)  # batch-last, as the parts
    total = GradientSum()
    total.add(y, fresh=False)
    sizes, _ = requests(lambda: total.add(y, fresh=False))
    assert sizes == [y.nbytes]
    assert total.total.strides == y.strides
    np.testing.assert_array_equal(total.total, np.full(y.shape, 2))


FLOAT32 = np.dtype(np.float32)


def channels(log, count):
    """`count` channels of 16 numbers, a cache line each."""
    return log.empty((count, 16), FLOAT32, 64 * count)


def test_joined_arrays_lie_inside_the_joined_one():
    log = Log()
    a, b = channels(log, 2), channels(log, 3)
    inner = channels(log, 5)
    log.adjoin(inner, [a, b])
    c = channels(log, 1)
    outer = channels(log, 6)
    log.adjoin(outer, [inner, c])
    other = channels(log, 6)
    del a, b, inner, c, other, outer
    layout = Layout(log.buffers)
    a, b, inner, c, outer = (buffer.offset for buffer in log.buffers[:5])
    assert (a - outer, b - outer, inner - outer, c - outer) == (0, 2 * 64, 0, 5 * 64)
    assert layout.size == 2 * 6 * 64
    assert layout.requested == (2 + 3 + 5 + 1 + 6 + 6) * 64


def test_the_place_of_a_joined_array_is_taken_from_its_first_part_to_its_last():
    log = Log()
    a = channels(log, 1)
    before = channels(log, 4)
    del before
    whole = channels(log, 2)
    log.adjoin(whole, [a, channels(log, 1)])
    del whole
    after = channels(log, 4)
    del after, a
    assert Layout(log.buffers).size == (2 + 4) * 64


def test_a_part_of_two_arrays_lies_in_the_first():
    log = Log()
    a, first, second = channels(log, 2), channels(log, 4), channels(log, 4)
    log.adjoin(first, [a, a])
    log.adjoin(second, [a, a])
    del a, first, second
    layout = Layout(log.buffers)
    a, first = (buffer.offset for buffer in log.buffers[:2])
    assert a == first
    assert layout.size == 2 * 4 * 64


def apart(make):
    """Whether what `make(log, part, whole)` does to two joined arrays leaves them places of their own."""
    log = Log()
    part, whole = channels(log, 2), channels(log, 4)
    make(log, part, whole)
    del part, whole
    sizes = {4 * 64: False, (2 + 4) * 64: True}
    return sizes[Layout(log.buffers).size]


def test_what_cannot_lie_inside_the_joined_array_lies_elsewhere():
    half = np.ones(16, np.float32)
    assert not apart(lambda log, part, whole: log.adjoin(whole, [part, half, half]))
    assert apart(lambda log, part, whole: log.adjoin(whole, [part[:1], part[1:]]))  # it holds more than each part
    assert apart(lambda log, part, whole: log.adjoin(whole, [half[:8], part, half[:8]]))  # not at a cache line


def test_arrays_that_are_written_after_they_were_joined_lie_apart():
    def step(log, part, whole, written):
        log.adjoin(whole, [part, part])
        log.rewritten(written)

    assert apart(lambda log, part, whole: step(log, part, whole, part[1:]))
    assert apart(lambda log, part, whole: step(log, part, whole, whole.T))
    assert not apart(lambda log, part, whole: step(log, part, whole, np.ones(3)))


def test_parts_of_what_outlives_the_step_are_planned_for_themselves():
    log = Log()
    part, whole = channels(log, 2), channels(log, 4)
    log.adjoin(whole, [part, part])
    log.escape(whole)
    del part
    assert Layout(log.buffers).size == 2 * 64
    assert whole.shape == (4, 16)


@pytest.mark.parametrize("build", [Dense, Inception])
def test_joins_of_a_replay_copy_nothing(build, monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 64)
    step = assert_trains_alike(build, batches(5, size=16))
    buffers = step.latest.buffers.layout.buffers
    wholes = {buffer.whole for buffer in buffers if buffer.whole is not None}
    joins = [number for number, row in enumerate(step.plan.rows) if row.name == "joined"]
    assert sorted(whole.instruction for whole in wholes) == joins
    for whole in wholes:
        parts = [buffer for buffer in buffers if buffer.whole is whole]
        assert sum(part.size for part in parts) == whole.size
        assert min(part.offset for part in parts) == whole.offset
        assert step.plan.rows[whole.instruction].offsets == [whole.offset]


def test_parts_and_joined_arrays_may_be_written(monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 64)

    def step(x):
        a, b, c = (F.relu(x * n) for n in (2, 3, 4))
        y = mt.cat([a, b], 1)
        a.mul_(5)
        z = mt.cat([b, c], 1)
        z[:, :2] = 7
        return y.sum(), a.sum(), b.sum(), z.sum()

    x = mt.ones(2, 4, 16).permute(2, 0, 1)  # batch-last
    compiled = mt.compile(step)
    for _ in range(5):
        found = [value.item() for value in compiled(x)]
        assert found == [(2 + 3) * 128, 10 * 128, 3 * 128, (7 + 4) * 128]
