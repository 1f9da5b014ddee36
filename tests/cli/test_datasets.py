"""Data sets for `minitorch-cv train`: published ones, folders of images, augmented."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

from minitorch_cv.cli import main, run
from minitorch_cv.cli.datasets import data_sets
from minitorch_cv.cli.settings import AUGMENTATIONS, SettingsError, new_settings
from minitorch_cv.data import DataLoader, FashionMNIST

from .runs import at_step, metrics


@pytest.fixture
def pictures(tmp_path, rng):
    """A folder of 12 colour pictures of two sizes in two classes, red ones and blue ones."""
    for channel, name in ((0, "red"), (2, "blue")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 60, (20 + number % 2, 24, 3), np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


def sets(dataset, **options):
    return data_sets(new_settings("lenet", {"dataset": str(dataset), **options}), None)


def train(dataset, out, *options):
    small = ("--batch-size", "4", "--epochs", "2", "--lr", "0.05", "--activation", "relu", "--out", str(out))
    return main(["train", "lenet", "--dataset", str(dataset), *small, *options])


def test_colour_pictures_are_trained_on_and_shown_in_colour(pictures, tmp_path, capsys):
    out = tmp_path / "run"
    assert train(pictures, out, "--epochs", "8") == 0
    assert metrics(out)[-1]["test_acc"] == 1.0
    config = json.loads((out / "config.json").read_text())
    assert (config["train_images"], config["test_images"], config["in_channels"]) == (10, 2, 3)
    assert config["classes"] == ["blue", "red"]
    assert f"lenet on {pictures}" in capsys.readouterr().out
    with Image.open(out / "predictions.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    colours = np.abs(pixels[..., 0] - pixels[..., 2]) > 80
    assert colours.mean() > 0.01, "the pictures are not grey"


def test_a_fifth_is_held_out_the_same_each_time(pictures):
    first, second = sets(pictures), sets(pictures)
    assert (len(first.train), len(first.test), first.channels) == (10, 2, 3)
    assert sorted([*first.train.indices, *first.test.indices]) == list(range(12))
    np.testing.assert_array_equal(first.test.indices, second.test.indices)


def test_train_and_test_folders(pictures, tmp_path):
    root = tmp_path / "split"
    root.mkdir()
    pictures.rename(root / "train")
    (root / "val" / "red").mkdir(parents=True)
    (root / "val" / "blue").mkdir()
    for name in ("red", "blue"):
        (root / "train" / name / "0.png").rename(root / "val" / name / "0.png")
    found = sets(root)
    assert (len(found.train), len(found.test)) == (10, 2)
    (root / "val" / "green").mkdir()
    (root / "val" / "green" / "1.png").write_bytes((root / "val" / "red" / "0.png").read_bytes())
    with pytest.raises(SettingsError, match="train and val differ in green"):
        sets(root)


def test_only_training_images_are_augmented_and_resized_both(pictures):
    found = sets(pictures, augment=["flip", "crop", "erase"], resize=16)
    for dataset, draws in ((found.train, True), (found.test, False)):
        assert dataset.draws is draws
        images, _ = next(iter(DataLoader(dataset, 2)))
        assert images.shape == (2, 3, 16, 16)
        assert 0 <= images.min().item() <= images.max().item() <= 1
    test, again = (next(iter(DataLoader(found.test, 2)))[0].numpy() for _ in range(2))
    np.testing.assert_array_equal(test, again)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_changes_images_of_either_kind(pictures, name, channels):
    dataset = "fashion-mnist" if channels == 1 else pictures
    plain, changed = sets(dataset, resize=28), sets(dataset, resize=28, augment=[name])
    images, others = (next(iter(DataLoader(part.train, 8)))[0] for part in (plain, changed))
    assert images.shape == others.shape == (8, channels, 28, 28)
    assert others.dtype == images.dtype
    assert not np.array_equal(images.numpy(), others.numpy())


def test_fashion_mnist_at_its_own_size_is_not_resized():
    found = sets("fashion-mnist")
    images, labels = next(iter(DataLoader(found.train, 3)))
    expected, same = next(iter(DataLoader(FashionMNIST(), 3)))
    np.testing.assert_array_equal(images.numpy(), expected.numpy())
    np.testing.assert_array_equal(labels.numpy(), same.numpy())
    assert (found.workers, found.channels, found.title) == (0, 1, "Fashion-MNIST")
    assert sets("fashion-mnist", resize=32).workers == 1


def test_a_run_with_augmentation_goes_on_to_the_same_weights(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(run.Run, "draw_predictions", lambda self: None)
    augment = ("--augment", "flip,crop,jitter,erase", "--momentum", "0.9")
    outcomes = []
    for name in ("straight", "stopped"):
        out = tmp_path / name
        with monkeypatch.context() as patch:
            if name == "stopped":
                at_step(patch, 1, 2, lambda: signal.raise_signal(signal.SIGINT))
            train(pictures, out, *augment)
        if name == "stopped":
            assert main(["train", "lenet", "--resume", str(out)]) == 0
        outcomes.append((metrics(out), (out / "weights.safetensors").read_bytes()[-4 * 60000 :]))
    assert outcomes[0] == outcomes[1]


def error_of(capsys, *arguments):
    """The last line that a command says which fails."""
    assert main(["train", "lenet", *arguments]) == 2
    return capsys.readouterr().err.splitlines()[-1].removeprefix("minitorch-cv: error: ")


def test_an_unknown_data_set(capsys):
    assert error_of(capsys, "--dataset", "imagenet") == (
        "--dataset imagenet: choose one of fashion-mnist, mnist, cifar-10, cifar-100, or a folder of images"
    )


def test_an_unknown_augmentation(capsys):
    assert error_of(capsys, "--augment", "flip,twist") == (
        "--augment twist: choose one of flip, vertical-flip, crop, resized-crop, jitter, erase, noise"
    )


def test_a_folder_without_images(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "holds no folders; put the images of each class into a folder" in error_of(
        capsys, "--dataset", str(tmp_path / "empty")
    )


def test_two_folders(pictures, capsys):
    assert error_of(capsys, "--dataset", str(pictures), "--data", str(pictures)) == (
        "--data is for published data sets; --dataset names the folder of images already"
    )


def test_a_broken_picture_ends_the_run_with_its_name(pictures, tmp_path, capsys):
    (pictures / "red" / "3.png").write_bytes(b"no picture")
    assert train(pictures, tmp_path / "run") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"minitorch-cv: error: {pictures / 'red' / '3.png'}: cannot be read as an image")


def test_tensorboard_gets_its_files(pictures, tmp_path):
    pytest.importorskip("tensorboardX")
    assert train(pictures, tmp_path / "run", "--tensorboard") == 0
    (file,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert b"epoch/test_acc" in file.read_bytes()
