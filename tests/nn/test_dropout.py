import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def test_training_drops_and_scales_and_eval_does_not():
    layer, x = nn.Dropout(0.75), torch.ones(40, 25)
    y = layer(x).numpy()
    assert set(np.unique(y)) == {0, 4}
    assert abs((y == 0).mean() - 0.75) < 0.05
    assert layer.eval()(x).tolist() == x.tolist()


def test_the_seed_decides_what_is_dropped():
    layer, x = nn.Dropout(), torch.ones(50)
    torch.manual_seed(1)
    first = layer(x).tolist()
    torch.manual_seed(1)
    assert layer(x).tolist() == first
    assert layer(x).tolist() != first


def test_inplace():
    x = torch.ones(50)
    nn.Dropout(1.0, inplace=True)(x)
    assert x.sum().item() == 0


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_p_must_be_a_probability(p):
    with pytest.raises(ValueError, match=f"Dropout: p={p} is no probability; choose a number from 0 to 1"):
        nn.Dropout(p)


def test_repr():
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"


def test_stochastic_depth_drops_rows_in_training_only():
    layer, x = nn.StochasticDepth(0.5, "row"), torch.ones(200, 3)
    rows = layer(x).numpy()
    assert set(np.unique(rows)) == {0, 2}
    assert (rows == rows[:, :1]).all()
    assert layer.eval()(x) is x
    whole = nn.StochasticDepth(0.5, "batch")(x).numpy()
    assert len(np.unique(whole)) == 1


def test_stochastic_depth_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="StochasticDepth: p=2 is no probability"):
        nn.StochasticDepth(2, "row")
    with pytest.raises(ValueError, match="StochasticDepth: mode='rows'; choose 'batch' or 'row'"):
        nn.StochasticDepth(0.5, "rows")
    assert repr(nn.StochasticDepth(0.2, "row")) == "StochasticDepth(p=0.2, mode=row)"


def test_dropout2d_drops_channels_in_training_only():
    layer, x = nn.Dropout2d(0.5), torch.ones(20, 10, 3, 2)
    channels = layer(x).numpy().reshape(200, 6)
    assert set(np.unique(channels)) == {0, 2}
    assert (channels == channels[:, :1]).all()
    assert layer.eval()(x) is x
    nn.Dropout2d(1.0, inplace=True)(x)
    assert x.sum().item() == 0
    assert repr(nn.Dropout2d(0.2)) == "Dropout2d(p=0.2, inplace=False)"


def test_drop_connect_drops_weights_and_not_outputs():
    layer = nn.DropConnectLinear(40, 30, p=0.75)
    with torch.no_grad():
        layer.weight.fill_(1)
    used = layer(torch.eye(40)).detach().numpy() - layer.bias.detach().numpy()  # row i shows column i of the weight
    np.testing.assert_allclose(np.unique(used.round(4)), [0, 4])
    assert abs((used.round(4) == 0).mean() - 0.75) < 0.06
    assert (layer.weight == 1).all()


def test_drop_connect_gives_a_gradient_to_the_weights_that_were_used():
    layer = nn.DropConnectLinear(6, 5, bias=False, p=0.5)
    y = layer(torch.eye(6))
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), np.where(y.detach().numpy().T == 0, 0, 2))


def test_drop_connect_is_a_linear_layer_in_eval():
    layer = nn.DropConnectLinear(4, 3, p=0.9, dtype=torch.float64).eval()
    x = torch.randn(2, 4, dtype=torch.float64)
    assert layer(x).equal(nn.functional.linear(x, layer.weight, layer.bias))
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert repr(layer) == "DropConnectLinear(in_features=4, out_features=3, bias=True, p=0.9)"
    with pytest.raises(ValueError, match="DropConnectLinear: p=-1 is no probability"):
        nn.DropConnectLinear(4, 3, p=-1)
