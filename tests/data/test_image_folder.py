"""Images in folders: which are found, how they are read, and what is refused."""

import os
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from minitorch_cv.data import (
    Compose,
    DataError,
    DataLoader,
    ImageFolder,
    Normalize,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    Subset,
    ToTensor,
)
from minitorch_cv.data.datasets import draws
from minitorch_cv.random import default_generator, manual_seed
from minitorch_kernels import use

from .test_array_images import Noise


def save(path, size=(6, 5), mode="RGB", seed=0):
    """A random image (width, height) in a file; returns its array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(array).save(path)
    return array


@pytest.fixture
def pets(tmp_path):
    """Two classes of two PNG files each; returns the folder and the arrays by path."""
    names = ["dog/b.png", "dog/a.png", "cat/x.PNG", "cat/young/y.png"]
    return tmp_path, {str(tmp_path / name): save(tmp_path / name, seed=i) for i, name in enumerate(names)}


def test_what_is_found_and_in_which_order(pets):
    root, _ = pets
    (root / "cat" / "notes.txt").write_text("no image")
    save(root / "stray.png")
    save(root / ".hidden" / "z.png")
    save(root / "cat" / ".hidden.png")
    save(root / "cat" / ".cache" / "z.png")
    dataset = ImageFolder(root)
    assert dataset.classes == ["cat", "dog"]
    assert dataset.class_to_idx == {"cat": 0, "dog": 1}
    names = ["cat/x.PNG", "cat/young/y.png", "dog/a.png", "dog/b.png"]
    assert dataset.samples == dataset.imgs == [(str(root / name), int(name[0] == "d")) for name in names]
    assert dataset.targets == [0, 0, 1, 1]
    assert len(dataset) == 4
    assert repr(dataset) == f"ImageFolder({str(root)!r}, 4 images in 2 classes)"


def test_the_order_is_not_the_file_systems(pets, monkeypatch):
    root, _ = pets
    walk = os.walk

    def backwards(*arguments, **options):
        for place, folders, files in list(walk(*arguments, **options))[::-1]:
            yield place, folders, sorted(files, reverse=True)

    expected = ImageFolder(root).samples
    monkeypatch.setattr(os, "walk", backwards)
    assert ImageFolder(root).samples == expected == sorted(expected)


def test_samples(pets):
    root, arrays = pets
    dataset = ImageFolder(str(root), transform=None, target_transform=lambda label: label + 10)
    for i, (path, label) in enumerate(dataset.samples):
        image, found = dataset[i]
        assert (image.mode, image.size, found) == ("RGB", (6, 5), label + 10)
        np.testing.assert_array_equal(np.asarray(image), arrays[path])
    dataset.transform = lambda image: image.size
    assert dataset[3] == ((6, 5), 11)
    _, labels = ImageFolder(root, target_transform=lambda label: label + 10).fetch_batch([0, 3])
    assert labels.numpy().tolist() == [10, 11]


def test_mode_and_loader(tmp_path):
    grey = save(tmp_path / "a" / "grey.png", mode="L")
    np.testing.assert_array_equal(np.asarray(ImageFolder(tmp_path)[0][0]), np.stack([grey] * 3, -1))
    dataset = ImageFolder(tmp_path, mode="L")
    np.testing.assert_array_equal(np.asarray(dataset[0][0]), grey)
    assert dataset.fetch_batch([0])[0].shape == (1, 1, 5, 6)
    dataset = ImageFolder(tmp_path, loader=lambda path: np.float32(len(path)))
    assert dataset[0][0] == len(dataset.samples[0][0])
    assert dataset.fetch_batch([0])[0].shape == (1,)


def test_is_valid_file(pets):
    dataset = ImageFolder(pets[0], is_valid_file=lambda path: path.endswith(("a.png", "y.png")))
    assert [path[-5:] for path, _ in dataset.samples] == ["y.png", "a.png"]


@pytest.mark.parametrize("transform", [None, ToTensor(), Compose([ToTensor()])])
def test_batches(pets, transform):
    root, arrays = pets
    dataset = ImageFolder(root, transform)
    x, y = dataset.fetch_batch([3, 0])
    assert x.shape == (2, 3, 5, 6)
    assert x.dtype == np.float32
    assert np.moveaxis(x.numpy(), 0, -1).flags.c_contiguous
    for image, i in zip(x.numpy(), [3, 0]):
        expected = arrays[dataset.samples[i][0]].transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_array_equal(image, expected)
    assert y.numpy().tolist() == [1, 0]
    assert y.dtype == np.int64


def test_images_of_several_sizes_are_one_by_one_until_they_have_one(tmp_path):
    for i, size in enumerate([(6, 5), (9, 7), (4, 4)]):
        save(tmp_path / "a" / f"{i}.png", size, seed=i)

    class Counting(ToTensor):
        def __call__(self, image):
            return super().__call__(image)

        def batch(self, images, generator=None):
            counts.append(len(images))
            return super().batch(images)

    counts = []
    dataset = ImageFolder(tmp_path, Compose([Resize((3, 4)), Counting()]))
    x, _ = dataset.fetch_batch([0, 1, 2])
    assert counts == [3]
    for i, image in enumerate(x.numpy()):
        np.testing.assert_array_equal(image, dataset[i][0].numpy())


def test_images_of_several_sizes_without_resize(tmp_path):
    for name, size in [("0.png", (6, 5)), ("1.png", (6, 5)), ("2.png", (9, 7))]:
        save(tmp_path / "a" / name, size)
    for transform in (None, ToTensor()):
        with pytest.raises(
            DataError,
            match=rf"{tmp_path}/a/0.png has 5x6 pixels but {tmp_path}/a/2.png has 7x9 pixels .* add Resize\(",
        ):
            next(iter(DataLoader(ImageFolder(tmp_path, transform), 3)))


def test_random_transforms_draw_from_the_batchs_generator(pets):
    root, arrays = pets
    dataset = ImageFolder(root, Noise())
    assert draws(Subset(dataset, [0]))
    assert not draws(ImageFolder(root, ToTensor()))
    x, _ = dataset.fetch_batch([0, 1], np.random.default_rng(3))
    added = np.random.default_rng(3).random(2).astype(np.float32)
    for i in range(2):
        np.testing.assert_array_equal(x.numpy()[i], arrays[dataset.samples[i][0]].transpose(2, 0, 1) + added[i])
    dataset.transform = Compose([lambda image: image.convert("L"), Noise()])
    manual_seed(0)
    before = default_generator.get_state()
    loaders = [DataLoader(dataset, 3, num_workers=n, generator=np.random.default_rng(1)) for n in (0, 1)]
    for (one, _), (other, _) in zip(*loaders, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert default_generator.get_state() == before


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match=rf"{tmp_path}/typo cannot be read \(No such file.*; name the folder"):
        ImageFolder(tmp_path / "typo")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=rf"{tmp_path}/file cannot be read \(Not a directory"):
        ImageFolder(tmp_path / "file")


def test_no_class_folders(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(DataError, match=rf"{tmp_path} holds no folders; put the images of each class into a folder"):
        ImageFolder(tmp_path)


def test_empty_class_folders_are_named(pets):
    root, _ = pets
    for name in ("bird", "ant"):
        (root / name).mkdir()
    (root / "ant" / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=rf"no images in the class folders ant, bird of {root} \(looked for .jpg, "):
        ImageFolder(root)
    dataset = ImageFolder(root, allow_empty=True)
    assert dataset.classes == ["ant", "bird", "cat", "dog"]
    assert dataset.targets == [2, 2, 3, 3]


BROKEN = {
    "truncated.jpg": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "truncated.png": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "damaged.png": lambda path: path.write_bytes(path.read_bytes()[:20] + b"\xff" * 30 + path.read_bytes()[50:]),
    "text.jpeg": lambda path: path.write_text("<html>not found</html>"),
    "empty.png": lambda path: path.write_bytes(b""),
    "folder-gone.png": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_in_the_middle_is_named(pets, name):
    root, _ = pets
    path = root / "cat" / name
    save(path, (40, 30))
    dataset = ImageFolder(root, Compose([Resize((5, 6)), ToTensor()]))
    BROKEN[name](path)
    for workers in (0, 1):
        with pytest.raises(DataError, match=rf"^{path}: cannot be read as an image \(.*\); replace the file or delete"):
            list(DataLoader(dataset, 2, num_workers=workers))
    place = [path for path, _ in dataset.samples].index(str(path))
    with pytest.raises(DataError, match=rf"^{path}: "):
        dataset[place]
    if path.exists():
        with pytest.raises(DataError, match=rf"^{path}: "):
            ImageFolder(root, check=True)
        path.unlink()
    assert len(ImageFolder(root, check=True)) == 4


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of some damage, and reads on
def test_no_corruption_escapes_as_another_error(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("jpg", "png", "bmp", "webp", "tiff", "ppm"):
        path = tmp_path / "a" / f"0.{suffix}"
        save(path, (16, 16))
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        dataset = ImageFolder(tmp_path)
        for _ in range(30):
            damaged = whole.copy()
            places = rng.integers(0, min(len(whole), 80), 4)
            damaged[places] = rng.integers(0, 256, 4)
            path.write_bytes(damaged.tobytes()[: rng.integers(1, len(whole) + 1)])
            with suppress(DataError):
                dataset[0]
        path.unlink()


def test_random_crops_bring_images_of_several_sizes_to_one(tmp_path):
    for i, size in enumerate([(16, 25), (39, 17), (14, 14)]):
        save(tmp_path / "a" / f"{i}.jpg", size, seed=i)
    steps = [RandomResizedCrop(8), RandomHorizontalFlip(), ToTensor(), Normalize([0.5], [0.25])]
    dataset = ImageFolder(tmp_path, Compose(steps))
    with use("reference"):
        first, again, other = (dataset.fetch_batch([0, 1, 2], np.random.default_rng(s))[0].numpy() for s in (0, 0, 1))
    assert first.shape == (3, 3, 8, 8)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()
