import json
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import minitorch_cv
from minitorch_cv import models, nn
from minitorch_cv.train import WeightsError, load_weights, save_weights


def network():
    """Layers with parameters, buffers and a 0-d buffer (num_batches_tracked)."""
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))


def state(model):
    """The state as NumPy arrays."""
    return {name: tensor.detach().numpy().copy() for name, tensor in model.state_dict().items()}


def test_weights_come_back_bit_by_bit_with_their_metadata(tmp_path):
    saved, loaded = network(), network()
    saved[1].running_mean[...] = 3.0
    save_weights(saved, tmp_path / "w.safetensors", {"model": "tiny", "test_acc": 0.5})
    assert load_weights(loaded, tmp_path / "w.safetensors") == {"model": "tiny", "test_acc": 0.5}
    expected, got = state(saved), state(loaded)
    assert list(got) == list(expected)
    for name, array in expected.items():
        assert got[name].tobytes() == array.tobytes(), name


def test_equal_weights_and_metadata_give_equal_files(tmp_path):
    model = network()
    for name, metadata in (("a", {"x": 1, "y": 2, "z": 3}), ("b", {"z": 3, "y": 2, "x": 1})):
        save_weights(model, tmp_path / name, metadata)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_readers_see_names_shapes_and_values(tmp_path):
    model = network()
    save_weights(model, tmp_path / "w.safetensors")
    arrays = load_file(tmp_path / "w.safetensors")
    assert arrays["1.num_batches_tracked"].shape == ()
    for name, array in state(model).items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_values_do_not_depend_on_the_order_in_memory(tmp_path):
    model = nn.Linear(2, 3)
    model.weight.data = type(model.weight.data)(np.asfortranarray(np.arange(6, dtype=np.float32).reshape(3, 2)))
    save_weights(model, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(load_file(tmp_path / "w.safetensors")["weight"], [[0, 1], [2, 3], [4, 5]])


def test_weights_of_another_network_are_refused(tmp_path):
    save_weights(nn.Linear(2, 3), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"w.safetensors: .*size mismatch for weight: shape \(3, 2\)"):
        load_weights(nn.Linear(2, 4), tmp_path / "w.safetensors")


def test_the_checksum_is_not_among_the_metadata_that_come_back(tmp_path):
    save_weights(network(), tmp_path / "w.safetensors", {"model": "tiny", 3: (1, 2), "nan": float("nan")})
    with safe_open(tmp_path / "w.safetensors", framework="numpy") as file:
        header = json.loads(file.metadata()["minitorch_cv"])
    assert len(header.pop("sha256")) == 64
    kept = load_weights(network(), tmp_path / "w.safetensors")
    assert kept.keys() == header.keys() == {"model", "3", "nan"}
    assert kept["3"] == [1, 2]


def test_a_name_of_the_checksums_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'sha256' is the name of the checksum"):
        save_weights(network(), tmp_path / "w.safetensors", {"sha256": "mine"})
    assert not (tmp_path / "w.safetensors").exists()


@pytest.mark.parametrize("metadata", [None, {"a": 1}, {10: 1, 9: 2, "ä": [1.5e300, -0.0, None, True]}])
def test_every_changed_byte_of_the_numbers_is_found(tmp_path, metadata):
    path, model = tmp_path / "w.safetensors", nn.Linear(2, 3)
    save_weights(model, path, metadata)
    load_weights(model, path)
    before, whole = state(model), path.read_bytes()
    for position in range(len(whole) - 36, len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 0x10
        path.write_bytes(changed)
        with pytest.raises(WeightsError, match=rf"^{path}: damaged: its content does not have the SHA-256"):
            load_weights(model, path)
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, before[name])


def test_no_change_of_the_header_changes_weights_unseen(tmp_path):
    path, model = tmp_path / "w.safetensors", nn.Linear(2, 3)
    save_weights(model, path, {"model": "tiny", "lr": 0.5})
    before, whole = state(model), path.read_bytes()
    passed = 0
    for position in range(len(whole) - 36):
        changed = bytearray(whole)
        changed[position] ^= 0x20
        path.write_bytes(changed)
        with suppress(WeightsError):
            metadata = load_weights(model, path)
            # Only our entry, or its checksum, can have lost its name; then it is as if another writer had written it.
            assert metadata in ({}, {"model": "tiny", "lr": 0.5}) or any(name not in SAVED for name in metadata)
            passed += 1
    assert passed < 30
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, before[name])


SAVED = {"model", "lr"}


def test_metadata_that_were_changed_are_found(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(network(), path, {"classes": ["cat", "dog"], "lr": 0.5})
    for old, new in [(b"cat", b"dog"), (b"0.5", b"0.7"), (b"classes", b"clases_")]:
        whole = path.read_bytes()
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(WeightsError, match="damaged"):
            load_weights(network(), path)
        path.write_bytes(whole)
    load_weights(network(), path)


@pytest.mark.parametrize("text", ["{", "nonsense", "[" * 5000])
def test_metadata_that_are_no_json(tmp_path, text):
    save_file(state(network()), tmp_path / "w.safetensors", {"minitorch_cv": text})
    with pytest.raises(WeightsError, match="damaged: its metadata are no JSON"):
        load_weights(network(), tmp_path / "w.safetensors")


def test_files_of_other_writers_have_no_metadata_of_ours(tmp_path):
    for i, metadata in enumerate([None, {"format": "pt"}, {"minitorch_cv": "{}"}]):
        save_file(state(network()), tmp_path / f"{i}.safetensors", metadata)
        assert load_weights(network(), tmp_path / f"{i}.safetensors") == {}


DTYPES = ["bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2", "int8", "uint8", "int64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ours", ["float32", "float64", "float16"])
def test_numbers_of_any_type_become_the_models(tmp_path, dtype, ours):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    values = torch.tensor([[0.0, 1.0], [1.75, -0.5]]).to(getattr(torch, dtype))
    save_torch({"weight": values}, tmp_path / "w.safetensors")
    model = nn.Linear(2, 2, bias=False, dtype=getattr(np, ours))
    load_weights(model, tmp_path / "w.safetensors")
    assert model.weight.dtype == ours
    np.testing.assert_array_equal(model.weight.detach().numpy(), values.double().numpy())


def tied(lib):
    """Three layers of which the first and the last share their weight."""
    net = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.Linear(2, 2), lib.nn.Linear(2, 2, bias=False))
    net[2].weight = net[0].weight
    return net


def test_tied_weights_that_are_stored_once(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    theirs, ours = tied(torch), tied(minitorch_cv)
    save_model(theirs, str(tmp_path / "w.safetensors"))
    with safe_open(tmp_path / "w.safetensors", framework="numpy") as file:
        assert len({"0.weight", "2.weight"} & set(file.keys())) == 1
    load_weights(ours, tmp_path / "w.safetensors")
    assert ours[2].weight is ours[0].weight
    for name, tensor in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].numpy(), tensor.numpy(), err_msg=name)


@pytest.mark.parametrize("kept", ["0.weight", "2.weight", "both"])
def test_either_name_of_a_tied_weight_will_do(tmp_path, kept):
    arrays = {name: array + 1 for name, array in state(tied(minitorch_cv)).items()}
    stored = {name: array for name, array in arrays.items() if kept in (name, "both") or name not in TIED}
    save_file(stored, tmp_path / "w.safetensors")
    model = tied(minitorch_cv)
    load_weights(model, tmp_path / "w.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(state(model)[name], array)


TIED = ("0.weight", "2.weight")


def test_a_missing_weight_that_is_not_tied_stays_missing(tmp_path):
    arrays = state(tied(minitorch_cv))
    for name in TIED:
        del arrays[name]
    save_file(arrays, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r'Missing key\(s\) in state_dict: "0.weight", "2.weight";'):
        load_weights(tied(minitorch_cv), tmp_path / "w.safetensors")
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    save_file({"0.weight": np.zeros((2, 2), "f4")}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r'Missing key\(s\) in state_dict: "1.weight";'):
        load_weights(model, tmp_path / "w.safetensors")


def test_a_file_of_another_network_is_named_with_the_first_that_do_not_fit(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(models.build("torchvision.mobilenet_v2", {"num_classes": 3}), path)
    model = models.build("torchvision.squeezenet1_1", {"num_classes": 3})
    before = {name: tensor.numpy().copy() for name, tensor in list(model.state_dict().items())[:2]}
    with pytest.raises(WeightsError) as caught:
        load_weights(model, path)
    text = str(caught.value)
    assert text.startswith(f"{path}: Error(s) in loading state_dict for SqueezeNet: Missing key(s) in state_dict: ")
    first = '"features.0.weight", "features.0.bias", "features.3.squeeze.weight"'
    assert f"{first} and 47 more (50 in all); Unexpected key(s) in state_dict: " in text
    assert " and 309 more (312 in all); size mismatch for classifier.1.weight: shape (3, 1280) in state_dict" in text
    assert len(text) < 500 + len(str(path))
    for name, array in before.items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), array)


def test_other_files_are_named_with_the_reason(tmp_path):
    path = tmp_path / "x.png"
    Image.new("L", (8, 8)).save(path)
    with pytest.raises(WeightsError, match=rf"^{path}: truncated, damaged or no safetensors file \("):
        load_weights(network(), path)
    path = tmp_path / "net.pth"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(WeightsError, match=rf"^{path}: a zip archive or pickle.* safetensors.torch.save_file\("):
        load_weights(network(), path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_weights(network(), tmp_path / "nowhere.safetensors")
