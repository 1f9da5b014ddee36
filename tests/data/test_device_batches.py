"""Batches that a step asks for itself: their order, their end, and that they can be recorded."""

import numpy as np
import pytest

from minitorch_cv import compile
from minitorch_cv.compiled.recording import Recorder, RecordingError
from minitorch_cv.data import DataLoader
from minitorch_cv.data import transforms as T
from minitorch_cv.listening import listening
from minitorch_cv.random import Generator

from .byte_images import ByteImages

AUGMENT = T.Compose([T.RandomHorizontalFlip(), T.RandomCrop((6, 5), padding=2), T.ToTensor()])


@pytest.fixture(params=["cpu", "gpu"])
def device(request):
    return request.param if request.param == "cpu" else request.getfixturevalue("gpu")


def make(device, transform=AUGMENT, **options):
    generator = Generator().manual_seed(5)
    return DataLoader(
        ByteImages(transform=transform), 4, **{"shuffle": True, **options}, generator=generator, device=device
    )


def plain(batch):
    return [part.cpu().numpy() for part in batch]


def assert_equal(got, expected):
    for mine, theirs in zip(got, expected, strict=True):
        for here, there in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(here, there)


def test_the_batches_of_the_loader(device):
    batches = make(device).on_device()
    expected = make(None, drop_last=True)
    assert len(batches) == len(expected) == 2
    for _ in range(3):
        batches.start_epoch()
        assert_equal([plain(batches.next()) for _ in range(len(batches))], [plain(batch) for batch in expected])


def test_the_epoch_begins_again_behind_its_last_batch(device):
    batches = make(device).on_device()
    batches.start_epoch()
    once, twice = ([plain(batches.next()) for _ in range(2)] for _ in range(2))
    assert_equal(twice, once)
    assert not np.array_equal(once[0][0], once[1][0])


def test_an_order_of_ones_own(device):
    batches = make(device, transform=T.ToTensor()).on_device()
    labels = ByteImages().targets.numpy()
    batches.start_epoch([9, 8, 7, -1, 0, 1, 2, 3, 4])  # the ninth is left over
    batches.next()
    batches.start_epoch([9, 8, 7, -1, 0, 1, 2, 3])
    for indices in ([9, 8, 7, 9], [0, 1, 2, 3], [9, 8, 7, 9]):
        np.testing.assert_array_equal(plain(batches.next())[1], labels[indices])


def test_everything_keeps_its_place_in_memory(gpu):
    batches = make(gpu).on_device()
    arrays = batches.queue.order, batches.queue.views, batches.queue.position
    for _ in range(2):
        batches.start_epoch()
        batches.next()
        assert [*map(id, arrays)] == [id(batches.queue.order), id(batches.queue.views), id(batches.queue.position)]


def test_a_recording_hears_of_one_call_and_of_its_results(gpu):
    batches = make(gpu).on_device()
    batches.start_epoch()
    recorder = Recorder(())
    with listening(recorder.operation, recorder):
        images, labels = batches.next()
        images * 2
    call, product = recorder.entries
    assert (call.kind, call.name, product.name) == ("call", "DeviceBatches.next", "mul")
    assert product.inputs[0] == call.results[0]
    assert call.made == ((images.shape, images.dtype), (labels.shape, labels.dtype))


def test_a_replayed_step_goes_on_to_the_next_batch():
    batches, expected = make("cpu").on_device(), make(None, drop_last=True)

    @compile
    def step():
        images, labels = batches.next()
        return images * 2, labels

    for _ in range(4):
        batches.start_epoch()
        got = [plain(step()) for _ in range(2)]
        assert_equal(got, [(images.numpy() * 2, labels.numpy()) for images, labels in expected])
    assert len(step.recordings) == 1


def test_an_epoch_does_not_begin_inside_a_step():
    batches = make("cpu").on_device()
    with pytest.raises(RecordingError, match=r"start_epoch\(\) cannot be recorded: call it before the step"):
        compile(batches.start_epoch)()


def test_errors(gpu):
    with pytest.raises(ValueError, match="batch_sampler gives batches of any size"):
        DataLoader(ByteImages(), batch_sampler=[[1]], device=gpu).on_device()
    with pytest.raises(ValueError, match="less than batch_size=11 samples"):
        DataLoader(ByteImages(), 11, device=gpu).on_device()
    batches = make(gpu).on_device()
    with pytest.raises(RuntimeError, match=r"call start_epoch\(\) before the step"):
        batches.next()
    with pytest.raises(ValueError, match="an order of 7 samples for 2 batches of 4; give 8"):
        batches.start_epoch(range(7))
