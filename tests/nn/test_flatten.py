import minitorch_cv as torch
from minitorch_cv import nn

X = torch.arange(24.0).reshape(2, 3, 2, 2)


def test_flatten():
    assert nn.Flatten()(X).tolist() == X.reshape(2, 12).tolist()
    assert nn.Flatten(0, 1)(X).shape == (6, 2, 2)
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"


def test_unflatten():
    layer = nn.Unflatten(1, [3, 2, 2])
    assert layer(X.reshape(2, 12)).tolist() == X.tolist()
    assert repr(layer) == "Unflatten(dim=1, unflattened_size=(3, 2, 2))"
