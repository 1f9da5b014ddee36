import json

import numpy as np
import pytest
from PIL import Image

from minitorch_cv import models
from minitorch_cv.cli import main
from minitorch_cv.random import manual_seed
from minitorch_cv.train import load_weights, save_weights
from minitorch_cv.train.run_folder import FILES
from minitorch_cv.train.trained import load_trained

PAIR = ("--dataset", "fashion-mnist", "--classes", "Sandal,Bag", "--per-class", "4")


@pytest.fixture
def base(tmp_path):
    """The folder of a LeNet for three classes, with the metadata that a run writes."""
    manual_seed(1)
    network = models.build("lenet", {"num_classes": 3, "activation": "relu"})
    folder = tmp_path / "base"
    folder.mkdir()
    metadata = {
        "model": "lenet",
        "options": {"activation": "relu"},
        "in_channels": 1,
        "classes": ["Trouser", "Coat", "Shirt"],
        "resize": 28,
        "optimizer": "sgd",
        "momentum": 0.5,
        "lr": 0.2,
    }
    save_weights(network, folder / "weights.safetensors", metadata)
    return folder


@pytest.fixture
def finetune(base, out):
    """Fine-tunes for one epoch, with further options; returns the exit status."""

    def command(*options):
        return main(["finetune", str(base), "--epochs", "1", "--batch-size", "4", "--out", str(out), *options])

    return command


def write_images(root, classes, count, size=(28, 28)):
    """Grey noise in a folder for each class, brighter from class to class."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = (rng.integers(0, 60, size) + 90 * label).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


def weights_of(folder):
    """All weights in a run's folder, by name."""
    return {name: tensor.numpy() for name, tensor in load_trained(folder).network.state_dict().items()}


def test_a_run_leaves_what_a_training_leaves(finetune, out, capsys):
    assert finetune(*PAIR, "--json") == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["model"], result["epochs"]) == ("lenet", 1)
    assert {path.name for path in out.iterdir()} == {*FILES, "checkpoint-00002-0000000.safetensors"}
    config = json.loads((out / "config.json").read_text())
    assert (config["train_images"], config["test_images"]) == (8, 200)
    assert config["classes"] == ["Sandal", "Bag"]
    assert config["head_factor"] == 10
    assert config["weight_decay"] == 1e-3
    assert "(Trouser, Coat, Shirt)" in printed.err
    assert "its new head learns with 10 times the learning rate" in printed.err


def test_the_body_goes_on_from_the_trained_weights_and_the_head_is_new(finetune, base, out):
    assert finetune(*PAIR, "--lr", "1e-9") == 0
    before, after = weights_of(base), weights_of(out)
    head = {"classifier.fc3.weight", "classifier.fc3.bias"}
    assert after["classifier.fc3.weight"].shape == (2, 84)
    for name in before.keys() - head:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6, err_msg=name)
    assert not np.array_equal(after["classifier.fc3.weight"], before["classifier.fc3.weight"][:2])


def test_the_head_learns_faster_than_the_body(finetune, out):
    head, body = [], []
    for factor in ("1e-6", "1", "10"):  # of one step: a batch with all eight images
        one_step = ("--batch-size", "8", "--weight-decay", "0", "--lr", "0.02", "--head-factor", factor)
        assert finetune(*PAIR, *one_step) == 0
        weights = weights_of(out)
        head.append(weights["classifier.fc3.weight"])
        body.append(weights["classifier.fc2.weight"])
    np.testing.assert_allclose(head[2] - head[0], 10 * (head[1] - head[0]), atol=2e-6)
    assert np.abs(head[1] - head[0]).max() > 1e-4
    np.testing.assert_array_equal(body[2], body[0])


def test_without_a_rate_the_head_learns_as_the_run_did(finetune, base, out):
    assert finetune(*PAIR) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["lr"] == pytest.approx(0.02)
    assert (config["optimizer"], config["momentum"]) == ("sgd", 0.5)
    before, after = weights_of(base), weights_of(out)
    assert not np.array_equal(after["features.conv1.weight"], before["features.conv1.weight"])


def test_a_frozen_body_stays_as_it_is(finetune, base, out):
    assert finetune(*PAIR, "--freeze") == 0
    before, after = weights_of(base), weights_of(out)
    for name in before.keys() - {"classifier.fc3.weight", "classifier.fc3.bias"}:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def test_the_same_seed_gives_the_same_weights(finetune, out):
    runs = []
    for seed in ("3", "3", "4"):
        assert finetune(*PAIR, "--seed", seed) == 0
        runs.append(weights_of(out)["classifier.fc3.weight"])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_a_fine_tuned_network_can_be_fine_tuned_again(base, out, tmp_path):
    again = tmp_path / "again"
    options = ("--epochs", "1", "--batch-size", "4", *PAIR)
    assert main(["finetune", str(base), *options, "--out", str(out)]) == 0
    assert main(["finetune", str(out), *options, "--classes", "Dress,Coat,Bag", "--out", str(again)]) == 0
    trained = load_trained(again)
    assert trained.classes == ["Dress", "Coat", "Bag"]
    assert trained.metadata["body_classes"] == 3
    assert trained.metadata["lr"] == pytest.approx(0.02), "a tenth of what the first training had, as before"


def test_the_number_of_classes_was_an_option(base, out):
    network = load_trained(base).network
    facts = load_trained(base).metadata
    facts["options"] = {"activation": "relu", "num_classes": 3}
    save_weights(network, base / "weights.safetensors", facts)
    assert main(["finetune", str(base), "--epochs", "1", *PAIR, "--out", str(out)]) == 0
    trained = load_trained(out)
    assert (trained.options, trained.classes) == ({"activation": "relu"}, ["Sandal", "Bag"])


def test_of_a_folder_of_images_a_fifth_is_kept_for_testing(finetune, out, tmp_path):
    write_images(tmp_path / "pets", ["cat", "dog"], 10, size=(40, 33))
    assert finetune("--data", str(tmp_path / "pets"), "--epochs", "8") == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["train_images"], config["test_images"]) == (16, 4)
    assert config["classes"] == ["cat", "dog"]
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["test_acc"] == 1, "dark and light images"


def test_image_folders_with_test_images_of_their_own(finetune, out, tmp_path):
    write_images(tmp_path / "pets" / "train", ["cat", "dog", "owl"], 5)
    write_images(tmp_path / "pets" / "test", ["cat", "dog", "owl"], 3)
    assert finetune("--data", str(tmp_path / "pets"), "--classes", "owl,cat", "--per-class", "2") == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["train_images"], config["test_images"]) == (4, 6)
    assert config["classes"] == ["owl", "cat"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "no images: name a folder with --data, or a data set with --dataset fashion-mnist"),
        (("--dataset", "imagenet"), "--dataset imagenet: choose one of fashion-mnist, mnist"),
        ((*PAIR[:2], "--classes", "Sandal,Sock"), "--classes: no class 'Sock'; choose among: T-shirt/top, Trouser"),
        ((*PAIR, "--per-class", "0"), "--per-class 0: must be at least 1"),
        ((*PAIR, "--head-factor", "0"), "--head-factor 0: must be a positive number, for instance 10"),
        ((*PAIR, "--lr", "-1"), "--lr -1: must be a positive number"),
        (
            ("--data", "no-such-folder"),
            "ImageFolder: no-such-folder cannot be read (No such file or directory); name the folder",
        ),
    ],
)
def test_wrong_options(finetune, out, capsys, options, message):
    assert finetune(*options) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error
    assert not out.exists()


def test_of_a_folder_some_classes_and_some_images_of_each(finetune, out, tmp_path):
    write_images(tmp_path / "pets", ["cat", "dog", "owl"], 10)
    assert finetune("--data", str(tmp_path / "pets"), "--classes", "owl,dog", "--per-class", "3") == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["train_images"], config["test_images"]) == (6, 4)
    assert config["classes"] == ["owl", "dog"]


def test_a_broken_image_is_named(finetune, tmp_path, capsys):
    write_images(tmp_path / "pets", ["cat", "dog"], 5)
    broken = tmp_path / "pets" / "dog" / "3.png"
    broken.write_bytes(broken.read_bytes()[:60])
    assert finetune("--data", str(tmp_path / "pets")) == 1
    assert f"minitorch-cv: error: {broken}: cannot be read as an image" in capsys.readouterr().err


def test_other_classes_for_testing_than_for_training(finetune, tmp_path, capsys):
    write_images(tmp_path / "pets" / "train", ["cat", "dog"], 1)
    write_images(tmp_path / "pets" / "test", ["cat", "owl"], 1)
    assert finetune("--data", str(tmp_path / "pets")) == 2
    assert "train and test differ in dog, owl" in capsys.readouterr().err


def test_augmented_images(finetune, out):
    assert finetune(*PAIR, "--augment", "flip, crop") == 0
    assert json.loads((out / "config.json").read_text())["augment"] == ["flip", "crop"]


def test_a_network_for_coloured_images_refuses_grey_data(tmp_path, out, capsys):
    network = models.build("lenet", {"in_channels": 3})
    facts = {"model": "lenet", "options": {}, "in_channels": 3, "classes": list("abcdefghij"), "resize": 28}
    save_weights(network, tmp_path / "w.safetensors", facts)
    assert main(["finetune", str(tmp_path / "w.safetensors"), *PAIR, "--out", str(out)]) == 2
    assert "has 1 channels, but the network was trained on 3" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["base", "base/weights.safetensors"])
def test_the_trained_network_is_not_overwritten(base, tmp_path, capsys, name):
    before = (base / "weights.safetensors").read_bytes()
    assert main(["finetune", str(tmp_path / name), *PAIR, "--out", str(base)]) == 2
    assert "holds the trained network, which would be lost" in capsys.readouterr().err
    assert (base / "weights.safetensors").read_bytes() == before


def test_no_trained_network(tmp_path, capsys):
    assert main(["finetune", str(tmp_path / "nowhere"), *PAIR]) == 2
    assert "no such file or folder; name a folder that `minitorch-cv train` left" in capsys.readouterr().err


def test_train_takes_classes_too(out, capsys):
    small = ("--epochs", "1", "--batch-size", "4", "--classes", "Coat, Bag", "--per-class", "3", "--out", str(out))
    assert main(["train", "lenet", *small]) == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["classes"], config["train_images"], config["test_images"]) == (["Coat", "Bag"], 6, 200)
    load_weights(models.build("lenet", {"num_classes": 2}), out / "weights.safetensors")
    assert main(["train", "lenet", "--classes", "Cot", "--out", str(out)]) == 2
    assert "--classes: no class 'Cot'; choose among" in capsys.readouterr().err


def test_resuming_with_the_same_classes(out, capsys):
    small = ("--batch-size", "4", "--per-class", "3", "--out", str(out))
    assert main(["train", "lenet", *small, "--epochs", "1", "--classes", "Coat,Bag"]) == 0
    assert main(["train", "lenet", "--resume", str(out), "--epochs", "2", "--classes", "Coat,Bag"]) == 0
    assert main(["train", "lenet", "--resume", str(out), "--epochs", "3", "--classes", "Bag,Coat"]) == 2
    assert "--classes is ['Coat', 'Bag'] there but ['Bag', 'Coat'] here" in capsys.readouterr().err
