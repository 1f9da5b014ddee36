import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn

EPS = 1e-5


def batches(rng, *shape):
    return [rng.standard_normal(shape) for _ in range(3)]


def over(x):
    """All axes but that of the channels."""
    return (0, *range(2, x.ndim))


def normalised(x, mean, var):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + EPS)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.BatchNorm1d, (4, 2)), (nn.BatchNorm1d, (3, 2, 2)), (nn.BatchNorm2d, (2, 2, 2, 2))],
)
@pytest.mark.parametrize("momentum", [0.25, None])
def test_training_uses_the_batch_and_remembers_it(layer, shape, momentum, rng):
    norm = layer(2, momentum=momentum, dtype=torch.float64)
    mean, var = np.zeros(2), np.ones(2)
    for count, x in enumerate(batches(rng, *shape), 1):
        y = norm(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(y, normalised(x, x.mean(over(x)), x.var(over(x))), rtol=1e-9, atol=1e-9)
        share = 1 / count if momentum is None else momentum
        mean = (1 - share) * mean + share * x.mean(over(x))
        var = (1 - share) * var + share * x.var(over(x), ddof=1)
    np.testing.assert_allclose(norm.running_mean.numpy(), mean, rtol=1e-9)
    np.testing.assert_allclose(norm.running_var.numpy(), var, rtol=1e-9)
    assert norm.num_batches_tracked.item() == 3
    assert norm.num_batches_tracked.dtype == torch.int64
    y = norm.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(y, normalised(x, mean, var), rtol=1e-9, atol=1e-9)
    assert norm.num_batches_tracked.item() == 3


def test_scale_and_shift(rng):
    norm = nn.BatchNorm1d(2, dtype=torch.float64)
    norm.load_state_dict({"weight": np.array([2.0, 3.0]), "bias": np.array([5.0, 7.0])}, strict=False)
    (x, *_) = batches(rng, 4, 2)
    expected = normalised(x, x.mean(0), x.var(0)) * [2, 3] + [5, 7]
    np.testing.assert_allclose(norm(torch.tensor(x)).detach().numpy(), expected, rtol=1e-9)


def test_without_running_statistics_the_batch_is_used_in_eval_too(rng):
    norm = nn.BatchNorm1d(2, track_running_stats=False).eval()
    x = rng.standard_normal((4, 2)).astype(np.float32)
    expected = normalised(x, x.mean(0), x.var(0))
    np.testing.assert_allclose(norm(torch.tensor(x)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    assert list(norm.state_dict()) == ["weight", "bias"]
    norm.reset_parameters()


def test_without_scale_and_shift():
    assert list(nn.BatchNorm1d(2, affine=False).state_dict()) == ["running_mean", "running_var", "num_batches_tracked"]
    assert nn.BatchNorm1d(2, bias=False).bias is None
    assert nn.BatchNorm1d(2, affine=False)(torch.randn(3, 2)).requires_grad is False


def test_reset_parameters():
    norm = nn.BatchNorm1d(1)
    norm(torch.tensor([[1.0], [5.0]]))
    with torch.no_grad():
        norm.weight.fill_(9.0)
        norm.bias.fill_(9.0)
    norm.reset_parameters()
    assert [value.item() for value in norm.state_dict().values()] == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.BatchNorm2d, (2, 3), "BatchNorm2d: expected 4D input (N, C, H, W), got shape (2, 3)"),
        (
            nn.BatchNorm1d,
            (2, 3, 1, 1),
            "BatchNorm1d: expected 2D input (N, C) or 3D input (N, C, L), got shape (2, 3, 1, 1)",
        ),
    ],
)
def test_a_wrong_rank_is_named(layer, shape, message):
    with pytest.raises(ValueError, match="BatchNorm") as error:
        layer(3)(torch.ones(shape))
    assert str(error.value) == message


def test_one_value_per_channel_is_refused_in_training_only():
    norm = nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match="training needs more than one value per channel"):
        norm(torch.ones(1, 2))
    norm.eval()(torch.ones(1, 2))


def test_repr():
    assert repr(nn.BatchNorm2d(3)) == (
        "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"
    )
