import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn

X = np.random.default_rng(0).standard_normal((3, 4, 2, 2)) * 2 + 1


def normalised(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def per_channel(values):
    return np.array(values)[:, None, None]


CASES = [
    (nn.LayerNorm(2), normalised(X, 3), "LayerNorm((2,), eps=1e-05, elementwise_affine=True, bias=True)"),
    (
        nn.LayerNorm([4, 2, 2], 0.1, bias=False),
        normalised(X, (1, 2, 3), 0.1),
        "LayerNorm((4, 2, 2), eps=0.1, elementwise_affine=True, bias=False)",
    ),
    (
        nn.GroupNorm(2, 4),
        normalised(X.reshape(3, 2, 8), 2).reshape(X.shape),
        "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)",
    ),
    (
        nn.InstanceNorm2d(4),
        normalised(X, (2, 3)),
        "InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)",
    ),
    (
        nn.LocalResponseNorm(1, 0.5, 0.5, 2.0),
        X / np.sqrt(2 + 0.5 * X**2),
        "LocalResponseNorm(1, alpha=0.5, beta=0.5, k=2.0)",
    ),
]


@pytest.mark.parametrize(("layer", "expected", "text"), CASES, ids=[text for _, _, text in CASES])
def test_values_and_repr(layer, expected, text):
    y = layer.double()(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    assert repr(layer) == text
    np.testing.assert_array_equal(layer.eval()(torch.tensor(X)).detach().numpy(), y)


def test_scale_and_shift():
    w, b = [1.0, 2, 3, 4], [5.0, 6, 7, 8]
    expected = normalised(X.reshape(3, 2, 8), 2).reshape(X.shape) * per_channel(w) + per_channel(b)
    layer = nn.GroupNorm(2, 4, dtype=torch.float64)
    layer.load_state_dict({"weight": torch.tensor(w), "bias": torch.tensor(b)})
    np.testing.assert_allclose(layer(torch.tensor(X)).detach().numpy(), expected, rtol=1e-10)
    layer.reset_parameters()
    assert layer.weight.tolist() == [1] * 4
    assert layer.bias.tolist() == [0] * 4


def test_which_parameters_there_are():
    assert list(nn.LayerNorm((2, 3)).state_dict()) == ["weight", "bias"]
    assert nn.LayerNorm((2, 3)).weight.shape == (2, 3)
    assert list(nn.LayerNorm(2, bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm(2, elementwise_affine=False).state_dict()) == []
    assert list(nn.GroupNorm(2, 4, affine=False).state_dict()) == []
    assert list(nn.InstanceNorm2d(4).state_dict()) == []
    tracked = ["running_mean", "running_var", "num_batches_tracked"]
    assert list(nn.InstanceNorm2d(4, track_running_stats=True).state_dict()) == tracked


def test_instance_norm_that_tracks_uses_its_averages_in_eval():
    layer = nn.InstanceNorm2d(4, momentum=1.0, track_running_stats=True, dtype=torch.float64)
    x = torch.tensor(X)
    np.testing.assert_allclose(layer(x).numpy(), normalised(X, (2, 3)), rtol=1e-10, atol=1e-12)
    mean, var = X.mean((2, 3)).mean(0), X.var((2, 3), ddof=1).mean(0)
    expected = (X - per_channel(mean)) / np.sqrt(per_channel(var) + 1e-5)
    np.testing.assert_allclose(layer.eval()(x).numpy(), expected, rtol=1e-10)


def test_instance_norm_takes_one_image():
    layer = nn.InstanceNorm2d(4, affine=True, dtype=torch.float64)
    assert layer(torch.tensor(X[0])).equal(layer(torch.tensor(X[:1]))[0])


def test_refusals():
    with pytest.raises(ValueError, match="GroupNorm: 5 channels cannot be split into 2 equal groups"):
        nn.GroupNorm(2, 5)
    message = r"InstanceNorm2d: expected 3D input \(C, H, W\) or 4D input \(N, C, H, W\), got shape \(2, 4\)"
    with pytest.raises(ValueError, match=message):
        nn.InstanceNorm2d(4)(torch.ones(2, 4))
