"""Batches made on the GPU of --device, against those that the CPU makes of the same seed: equal to the last bit."""

import json

import numpy as np
import pytest

from minitorch_cv.data import ClassSubset, DataLoader, Subset, TensorDataset, loader, resident
from minitorch_cv.data import transforms as T
from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor
from minitorch_kernels.arrays import is_on_gpu

from .. import gpu
from .byte_images import COLOR, GRAY, ByteImages

pytestmark = pytest.mark.usefixtures("gpu")

NORMALIZE = T.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
AUGMENT = T.Compose([T.RandomHorizontalFlip(), T.RandomCrop((6, 5), padding=2), T.ToTensor()])


def epochs(dataset, device, count=2, batch_size=4, shuffle=True, **options):
    """The batches of some epochs, as arrays, and what the generator is left with."""
    generator = Generator().manual_seed(7)
    made = DataLoader(dataset, batch_size, shuffle, generator=generator, device=device, **options)
    assert (made.resident is not None) == (device != "cpu"), made.why_not_resident
    batches = [batch for _ in range(count) for batch in made]
    assert len(batches) == count * len(made)
    assert {part.device for batch in batches for part in batch} <= {Tensor(np.zeros(1)).to(device).device}
    return [[part.cpu().numpy() for part in batch] for batch in batches], generator.get_state()


def assert_same_batches(dataset, **options):
    (expected, left), (got, left_there) = (epochs(dataset, device, **options) for device in ("cpu", gpu.name))
    assert left == left_there
    for mine, theirs in zip(got, expected, strict=True):
        for here, there in zip(mine, theirs, strict=True):
            assert here.dtype == there.dtype
            np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("shape", [GRAY, COLOR])
@pytest.mark.parametrize(
    "steps",
    [
        [],
        [T.ToTensor()],
        [T.ToTensor(), T.Normalize(0.3, 0.2)],
        [T.RandomHorizontalFlip()],
        [T.RandomHorizontalFlip(), T.RandomVerticalFlip(), T.RandomCrop((6, 5), padding=2), T.RandomHorizontalFlip()],
        [T.RandomCrop((3, 4)), T.RandomVerticalFlip()],
        [T.RandomCrop((9, 8), pad_if_needed=True)],
        [T.CenterCrop((3, 8)), T.ToTensor()],
        [T.Pad((1, 2, 3, 0)), T.RandomHorizontalFlip()],
        [T.Resize((9, 8)), T.RandomHorizontalFlip(), T.RandomCrop((9, 8), padding=1), T.ToTensor()],
        [T.Resize((3, 2)), T.CenterCrop(3)],
        [T.Resize(8), T.CenterCrop(7)],
        [T.Resize((6, 5)), T.RandomResizedCrop((4, 3))],
        [T.RandomResizedCrop((7, 6), scale=(0.1, 1)), T.RandomHorizontalFlip(), T.RandomVerticalFlip()],
    ],
)
def test_the_images_of_the_cpu(steps, shape):
    assert_same_batches(ByteImages(shape, T.Compose(steps)))


def test_channels_have_their_own_mean_and_lie_side_by_side():
    dataset = ByteImages(COLOR, T.Compose([AUGMENT, NORMALIZE]))
    assert_same_batches(dataset)
    images, _ = next(iter(DataLoader(dataset, 4, device=gpu.name)))
    assert images._array.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize(
    "options",
    [
        {"drop_last": True},
        {"shuffle": False},
        {"num_workers": 1},
        {"pin_memory": True},
        {"batch_size": 20},
        {"shuffle": None, "sampler": [9, 0, 0, -3, 5]},
        {"shuffle": None, "batch_size": 1, "batch_sampler": [[1, 2, 3], [], [7]]},
    ],
)
def test_the_batches_of_the_cpu(options):
    assert_same_batches(ByteImages(transform=AUGMENT), **options)


@pytest.mark.parametrize(
    "part",
    [
        lambda whole: Subset(whole, [8, 2, 2, -1, 0, 5]),
        lambda whole: Subset(Subset(whole, np.arange(1, 10, 2)), [4, 0, 1]),
        lambda whole: ClassSubset(whole, ["two", "zero"]),
        lambda whole: Subset(ClassSubset(whole, ["one", "two"], per_class=2), [3, 1]),
        lambda whole: Subset(whole, []),
    ],
)
def test_parts_of_a_data_set(part):
    assert_same_batches(part(ByteImages(transform=AUGMENT)), batch_size=2)


def test_going_on_in_the_middle_of_an_epoch():
    def make():
        generator = Generator().manual_seed(7)
        return DataLoader(ByteImages(transform=AUGMENT), 3, shuffle=True, generator=generator, device=gpu.name)

    whole = make()
    expected = [images.cpu().numpy() for _ in range(2) for images, _ in whole]
    broken = make()
    waiting = iter(broken)
    next(waiting), next(waiting)
    state = json.loads(json.dumps(broken.state_dict()))
    assert state["batch"] == 2
    resumed = make()
    resumed.load_state_dict(state)
    rest = [images.cpu().numpy() for _ in range(2) for images, _ in resumed]
    np.testing.assert_array_equal(np.concatenate(rest), np.concatenate(expected[2:]))
    assert resumed.state_dict()["batch"] == 0


def test_two_passes_at_once_do_not_disturb_each_other():
    batches = DataLoader(ByteImages(count=4), 2, device=gpu.name)
    labels = [[y.cpu().tolist() for _, y in pair] for pair in zip(batches, batches)]
    expected = ByteImages(count=4).targets.tolist()
    assert labels == [[expected[:2]] * 2, [expected[2:]] * 2]


def test_the_data_set_is_moved_once():
    dataset = ByteImages(transform=T.ToTensor())
    batches = DataLoader(dataset, 10, device=gpu.name)
    ((before, _),) = batches
    dataset.data = Tensor(np.zeros_like(dataset.data.numpy()))
    ((after, _),) = batches
    np.testing.assert_array_equal(after.cpu().numpy(), before.cpu().numpy())
    assert before.cpu().numpy().any()


class Own(ByteImages):
    def __getitem__(self, index):
        return np.full(2, index), 0


class OwnSubset(Subset):
    def fetch_batch(self, indices, generator=None):
        return [Tensor(np.full(2, len(indices))), Tensor(np.zeros(2))]


class Flip(T.RandomHorizontalFlip):
    def batch(self, images, generator):
        return images


class Dark(T.Normalize):
    def batch(self, images, generator=None):
        return super().batch(images) - images.max()


def half(image):
    return np.asarray(image, np.float32) / 2


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (Own(), "Own does not say which array"),
        (OwnSubset(ByteImages(), [1, 2]), "OwnSubset does not say which array"),
        (Subset(Own(), [1, 2]), "Own does not say which array"),
        (TensorDataset(np.zeros((4, 2)), np.zeros(4)), "TensorDataset does not say which array"),
        ([(1.5, 0), (2.5, 1)], "list does not say which array"),
        (ByteImages(target_transform=lambda label: -label), "a target_transform makes the labels"),
        (ByteImages(transform=half), "function takes images one by one"),
        (ByteImages(transform=T.Compose([T.RandomHorizontalFlip(), half])), "takes images one by one"),
        (ByteImages(transform=T.ColorJitter(0.4)), "ColorJitter computes pixels"),
        (ByteImages(transform=T.Compose([T.ToTensor(), T.RandomErasing()])), "RandomErasing computes pixels"),
        (ByteImages(transform=T.Compose([T.ToTensor(), Dark([0], [1])])), "Dark computes pixels"),
        (ByteImages(transform=Flip()), "Flip computes pixels"),
        (ByteImages(transform=T.Compose([T.ToTensor(), T.CenterCrop(2)])), "CenterCrop comes after ToTensor"),
        (ByteImages(transform=T.Resize(4, "nearest")), "Resize takes the nearest neighbour"),
        (ByteImages(transform=T.RandomResizedCrop(4, interpolation="nearest")), "RandomResizedCrop takes the nearest"),
        (ByteImages(transform=T.Compose([T.Resize(4), T.Resize(5)])), "Resize resizes what comes out of Resize"),
        (
            ByteImages(transform=T.Compose([T.RandomHorizontalFlip(), T.RandomResizedCrop(4)])),
            "RandomResizedCrop resizes what comes out of RandomHorizontalFlip",
        ),
        (ByteImages(transform=T.Compose([T.Pad(2), T.CenterCrop(4)])), "CenterCrop cuts what comes out of Pad"),
        (ByteImages(transform=T.RandomCrop(4, padding=1, fill=(0, 0, 1))), r"fills margins with \(0, 0, 1\)"),
        (ByteImages(transform=T.Pad(1, padding_mode="edge")), "Pad fills margins with 'edge'"),
    ],
)
def test_what_is_made_on_the_cpu_and_moved(dataset, reason):
    made, expected = (DataLoader(dataset, 2, generator=Generator().manual_seed(1), device=d) for d in (gpu.name, None))
    assert made.resident is None
    with pytest.raises(resident.NotResidentError, match=reason) as error:
        made.on_device()
    assert str(error.value) == made.why_not_resident
    for batch, here in zip(made, expected, strict=True):
        for there, part in zip(batch, here, strict=True):
            assert there.device == Tensor(np.zeros(1)).to(gpu.name).device
            np.testing.assert_array_equal(there.cpu().numpy(), part.numpy())


def test_a_collate_fn_makes_its_batches_on_the_cpu():
    made = DataLoader(ByteImages(transform=T.ToTensor()), 2, collate_fn=lambda samples: {"n": samples}, device=gpu.name)
    assert made.why_not_resident == "collate_fn makes the batches"
    batch = next(iter(made))
    assert is_on_gpu(batch["n"][1][0]._array)
    assert type(batch["n"][1][1]) is int


def test_images_that_do_not_fit(monkeypatch):
    monkeypatch.setattr(resident, "free_bytes", lambda place: 2 * (10 * 90 + 10 * 8))
    assert DataLoader(ByteImages(), device=gpu.name).resident is not None
    monkeypatch.setattr(resident, "free_bytes", lambda place: 2 * (10 * 90 + 10 * 8) - 1)
    too_large = DataLoader(ByteImages(), device=gpu.name)
    assert too_large.why_not_resident == (
        f"images and labels have 980 bytes, more than half of the 1,959 that are free on {gpu.name}"
    )


def test_other_types_of_bytes_and_labels():
    dataset = ByteImages()
    dataset.targets = Tensor(np.zeros(10, np.int32))
    assert "labels of int32" in DataLoader(dataset, device=gpu.name).why_not_resident
    dataset = ByteImages()
    dataset.data = Tensor(np.zeros((10, 6, 5), np.float32))
    assert "images of float32" in DataLoader(dataset, device=gpu.name).why_not_resident


def test_devices_that_are_not_there():
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        DataLoader(ByteImages(), device="gpu")


def test_an_index_that_is_not_there():
    with pytest.raises(IndexError, match="there is no sample 10 in a data set of 10"):
        next(iter(DataLoader(ByteImages(), 2, sampler=[3, 10], device=gpu.name)))


def test_on_the_cpu_batches_are_made_as_ever():
    for device in (None, "cpu"):
        batches = DataLoader(ByteImages(), device=device)
        assert (batches.resident, batches.why_not_resident) == (None, "batches are for the CPU")


def test_pinned_memory_is_for_gpus(monkeypatch):
    monkeypatch.setattr(loader, "pinned", lambda tensor: pytest.fail("there is no GPU"))
    for device in (None, "cuda-sim"):
        next(iter(DataLoader(Own(), pin_memory=True, device=device)))
