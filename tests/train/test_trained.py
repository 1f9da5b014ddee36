import json
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

import minitorch_cv
from minitorch_cv import models, nn
from minitorch_cv.random import manual_seed
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import Checkpoint, save_weights
from minitorch_cv.train.finetuning import replace_head
from minitorch_cv.train.trained import TrainedError, load_trained

FACTS = {
    "model": "bn_lenet",
    "options": {"activation": "relu"},
    "in_channels": 3,
    "classes": ["cat", "dog"],
    "resize": 28,
    "lr": 0.5,
}
IMAGES = Tensor(np.random.default_rng(0).random((2, 3, 28, 28)).astype("f4"))


def trained_lenet():
    """A BN-LeNet whose running statistics are no longer those it starts with."""
    manual_seed(3)
    network = models.build("bn_lenet", {"activation": "relu", "in_channels": 3, "num_classes": 2})
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean += 0.3
    network.eval()
    return network


def scores(network):
    with minitorch_cv.use("reference"):
        return network(IMAGES).detach().numpy()


@pytest.fixture
def folder(tmp_path):
    """A run's folder."""
    save_weights(trained_lenet(), tmp_path / "weights.safetensors", FACTS)
    return tmp_path


@pytest.mark.parametrize("name", [".", "weights.safetensors"])
def test_the_network_gives_what_it_gave_before(folder, name):
    trained = load_trained(folder / name)
    assert not any(module.training for module in trained.network.modules())
    np.testing.assert_array_equal(scores(trained.network), scores(trained_lenet()))


def test_what_it_was_trained_on(folder):
    trained = load_trained(str(folder))
    assert (trained.model, trained.options) == ("bn_lenet", {"activation": "relu"})
    assert (trained.classes, trained.channels, trained.image_size) == (["cat", "dog"], 3, 28)
    assert trained.metadata == FACTS


def test_a_network_that_asks_for_the_size_of_its_images(tmp_path):
    network = models.build("mlp", {"image_size": 9, "num_classes": 2})
    facts = {"model": "mlp", "options": {}, "in_channels": 1, "classes": ["cat", "dog"], "resize": 9}
    save_weights(network, tmp_path / "w.safetensors", facts)
    trained = load_trained(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(trained.network.layers.fc1.weight.detach(), network.layers.fc1.weight.detach())


def test_options_come_before_what_the_images_say(tmp_path):
    network = models.build("mlp", {"image_size": 9, "num_classes": 5})
    facts = {"model": "mlp", "options": {"num_classes": 5}, "in_channels": 1, "classes": ["cat", "dog"], "resize": 9}
    save_weights(network, tmp_path / "w.safetensors", facts)
    assert load_trained(tmp_path / "w.safetensors").network.layers.fc2.out_features == 5


@pytest.mark.parametrize("name", ["squeezenet", "nin"])
def test_a_network_whose_head_was_replaced(tmp_path, name):
    manual_seed(1)
    network = models.build(name, {"num_classes": 4})
    replace_head(network, 2)
    facts = {"model": name, "options": {}, "in_channels": 1, "classes": ["cat", "dog"], "resize": 67, "body_classes": 4}
    save_weights(network, tmp_path / "w.safetensors", facts)
    theirs, ours = (model.state_dict() for model in (network, load_trained(tmp_path / "w.safetensors").network))
    assert ours.keys() == theirs.keys()
    for key in ours:
        np.testing.assert_array_equal(ours[key].numpy(), theirs[key].numpy(), err_msg=key)


def test_nothing_there(tmp_path):
    with pytest.raises(TrainedError, match=re.escape(f"{tmp_path / 'x'}: no such file or folder; name a folder that")):
        load_trained(tmp_path / "x")
    with pytest.raises(TrainedError, match=re.escape(f"{tmp_path}: no weights.safetensors in this folder")):
        load_trained(tmp_path)


def test_a_file_that_is_something_else(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\x80\x02 a pickle")
    with pytest.raises(TrainedError, match=r"weights.safetensors: cannot be read as safetensors \("):
        load_trained(tmp_path)


def test_a_truncated_file(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TrainedError, match="it is damaged or another format"):
        load_trained(folder)


@pytest.mark.parametrize("header", [None, {"minitorch_cv": "{}"}, {"minitorch_cv": json.dumps({"model": "lenet"})}])
def test_weights_that_do_not_say_what_they_are_of(tmp_path, header):
    save_file({"w": np.zeros(2, "f4")}, tmp_path / "w.safetensors", header)
    with pytest.raises(TrainedError, match=r"does not say which network it is of \(it lacks .*classes"):
        load_trained(tmp_path / "w.safetensors")


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_a_header_that_is_no_description(tmp_path, text):
    save_file({"w": np.zeros(2, "f4")}, tmp_path / "w.safetensors", {"minitorch_cv": text})
    with pytest.raises(TrainedError, match=r"w.safetensors: "):
        load_trained(tmp_path / "w.safetensors")


def test_a_checkpoint_is_not_taken_for_weights(task, tmp_path):
    Checkpoint(task.model, task.optimizer, task.train_loader).save(tmp_path / "c.safetensors")
    with pytest.raises(TrainedError, match="does not say which network it is of"):
        load_trained(tmp_path / "c.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["cat", "dog", "owl"]}, "size mismatch for classifier.fc3.weight: shape (2, 84) in state_dict"),
        ({"model": "lenet"}, "norm1"),
        ({"model": "lenett"}, "unknown model 'lenett'"),
        ({"options": {"ratio": 3}}, "bn_lenet has no option 'ratio'"),
    ],
)
def test_weights_of_another_network(tmp_path, change, message):
    save_weights(trained_lenet(), tmp_path / "w.safetensors", {**FACTS, **change})
    with pytest.raises(TrainedError, match=re.escape(message)) as caught:
        load_trained(tmp_path / "w.safetensors")
    assert str(caught.value).startswith(f"{tmp_path / 'w.safetensors'}: cannot be loaded: ")
