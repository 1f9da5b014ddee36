"""Memory that is planned once: what is in use at the same time never overlaps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minitorch_cv.compiled.buffers import Arena, Buffer, Buffers, Layout, Log, place
from minitorch_cv.compiled.replaying import served_by
from minitorch_cv.graph import GradientSum
from minitorch_cv.ops.shape import joined
from minitorch_kernels import memory


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
    sizes, _ = requests(lambda: total.add(y, fresh=True))
    assert sizes == [y.nbytes]
    assert total.total.strides == y.strides
    np.testing.assert_array_equal(total.total, np.full(y.shape, 2))
