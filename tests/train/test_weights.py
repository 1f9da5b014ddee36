import numpy as np
import pytest
from safetensors.numpy import load_file

from minitorch_cv import nn
from minitorch_cv.train import load_weights, save_weights


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
    with pytest.raises(RuntimeError, match="weight"):
        load_weights(nn.Linear(2, 4), tmp_path / "w.safetensors")
