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
    assert trained.metadata == FACTS  # the checksum, which is checked, is not among them


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
    with pytest.raises(TrainedError, match=r"weights.safetensors: a zip archive or pickle, as torch.save writes"):
        load_trained(tmp_path)


def test_a_truncated_file(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TrainedError, match=r"weights.safetensors: truncated, damaged or no safetensors file \("):
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


def described(path, arrays, text):
    """A file of these weights with this text for metadata, under no checksum."""
    save_file(arrays, path, {"minitorch_cv": text})
    return path


NO_DESCRIPTIONS = [
    "7",
    "null",
    "true",
    "-0.5",
    '"lenet"',
    "[1]",
    "[" * 5000 + "]" * 5000,
    "{",
    "",
    "NaN",
    '{"a":' * 999,
]


@pytest.mark.parametrize("text", NO_DESCRIPTIONS, ids=lambda text: text[:9])
def test_metadata_of_another_kind(tmp_path, text):
    path = described(tmp_path / "w.safetensors", {"w": np.zeros(2, "f4")}, text)
    with pytest.raises(TrainedError, match=rf"^{path}: (does not say which network|damaged: its metadata are no JSON)"):
        load_trained(path)


WRONG_VALUES = [
    *(("in_channels", value) for value in (0, -1, 1.5, True, "3", None, [3], 10**9, 10**30, float("nan"))),
    *(("resize", value) for value in (0, -5, 28.0, False, "28", None, {}, 10**9, float("inf"))),
    *(("classes", value) for value in ("abcdefghij", [], {}, None, 10, ["cat", 7], [["cat"]], ["c"] * 100_001)),
    *(("options", value) for value in (None, [], "relu", 3, {"activation": {}}, {"activation": [[1]]})),
    *(("model", value) for value in (None, 3, ["lenet"], {}, True)),
    *(("body_classes", value) for value in (0, -2, "2", 2.5, None, 10**9)),
    *(("lr", value) for value in ("0.1", None, -1, float("nan"), float("inf"), True)),
    *(("momentum", value) for value in ("0.9", [0.9])),
    *(("head_factor", value) for value in (None, {})),
    ("optimizer", 3),
]


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES)
def test_values_that_no_training_writes_are_named(tmp_path, name, value):
    path = tmp_path / "w.safetensors"
    save_weights(trained_lenet(), path, {**FACTS, name: value})
    with pytest.raises(TrainedError) as caught:
        load_trained(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: says that {name} is ")
    assert ", which should be " in text
    assert len(text) < 400 + len(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": "mlp", "options": {"hidden": (10**12,)}},
            "says option 1,000,000,000,000, but its longest array has 784",
        ),
        ({"model": "mlp", "options": {"dropout": 10**12}}, "says option 1,000,000,000,000, but its longest array"),
        ({"model": "mlp", "options": {"hidden": [-(10**9)]}}, "says option -1,000,000,000, but its longest array"),
        ({"model": "mlp", "options": {}, "resize": 9_999}, "says resize 9,999, but its longest array has 784"),
        ({"model": "mlp", "options": {}, "in_channels": 9_999}, "says in_channels 9,999, but its longest array"),
        ({"model": "mlp", "options": {}, "classes": ["c"] * 99_999}, "says classes 99,999, but its longest array"),
        ({"model": "mobilenet_v2", "options": {"width_mult": 1e9}}, "says option 1,000,000,000.0, but its longest"),
        ({"model": "mlp", "options": {"dropout": float("nan")}}, "cannot be loaded: "),
        ({"model": "mlp", "options": {"hidden": [0]}}, "cannot be loaded: "),
        ({"model": "mlp", "options": {"hidden": "256"}}, "cannot be loaded: "),
        ({"model": "lenet", "options": {"activation": None}}, "cannot be loaded: "),
        ({"model": "vgg11", "options": {"ratio": 0}}, "cannot be loaded: "),
    ],
)
def test_a_network_larger_than_its_file_is_not_built(tmp_path, change, message):
    path = tmp_path / "w.safetensors"
    facts = {"in_channels": 1, "classes": ["cat", "dog"], "resize": 28}
    save_weights(models.build("mlp", {"num_classes": 2, "hidden": (8,)}), path, {**facts, **change})
    with pytest.raises(TrainedError, match=re.escape(f"{path}: {message}")):
        load_trained(path)


def test_long_axes_without_elements_are_no_measure(tmp_path):
    text = json.dumps({**FACTS, "in_channels": 9_999})
    path = described(tmp_path / "w.safetensors", {"w": np.zeros((10**9, 0), "f4"), "v": np.zeros((), "f4")}, text)
    with pytest.raises(TrainedError, match="says in_channels 9,999, but its longest array has 1 elements"):
        load_trained(path)


def test_one_changed_bit_is_found(folder):
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    names = trained_lenet().state_dict().keys()
    for position in np.random.default_rng(0).integers(0, len(whole), 120):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        try:
            trained = load_trained(folder)
        except TrainedError:
            continue
        # only where the text is changed, and says the same
        assert position < 4000
        assert {**trained.metadata, **FACTS}.keys() >= FACTS.keys()
        for name in names:
            np.testing.assert_array_equal(trained.network.state_dict()[name], trained_lenet().state_dict()[name])


def test_runs_of_before_the_checksum_are_read(tmp_path):
    network = trained_lenet()
    arrays = {name: np.asarray(tensor.numpy(), order="C") for name, tensor in network.state_dict().items()}
    path = described(tmp_path / "weights.safetensors", arrays, json.dumps(FACTS))
    np.testing.assert_array_equal(scores(load_trained(path).network), scores(network))
    assert load_trained(path).metadata == FACTS


def test_a_file_that_may_not_be_read(folder, monkeypatch):
    path = folder / "weights.safetensors"

    def closed(*given, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", closed)
    with pytest.raises(TrainedError, match=rf"^{path}: cannot be read \(Permission denied\)$"):
        load_trained(folder)
