import numpy as np
import pytest

from minitorch_cv import nn
from minitorch_cv.train import EMA


def set_all(model, value):
    """Write one number into every weight and buffer."""
    model.load_state_dict({name: np.full(t.shape, value, t.dtype) for name, t in model.state_dict().items()})


def network():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_averages_of_weights_and_of_batch_norm_statistics():
    model = network()
    ema = EMA(model, decay=0.75)
    for value in (8, 4, 0):
        set_all(model, value)
        ema.update()
    # 8, then 0.75 * 8 + 0.25 * 4 = 7, then 0.75 * 7 = 5.25
    for name in ("0.weight", "0.bias", "1.weight", "1.running_mean", "1.running_var"):
        np.testing.assert_array_equal(ema.averages[name], np.full_like(ema.averages[name], 5.25), err_msg=name)
    assert ema.averages["1.num_batches_tracked"] == 0
    assert ema.averages["1.num_batches_tracked"].dtype == np.int64


def test_the_first_update_copies():
    model = network()
    ema = EMA(model, decay=0.9)
    set_all(model, 3)
    ema.update()
    np.testing.assert_array_equal(ema.averages["0.weight"], np.full((3, 2), 3.0))


def test_the_weights_come_back_bit_by_bit_even_after_an_error():
    model = network()
    ema = EMA(model, decay=0.5)
    own = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
    for value in ema.averages.values():
        value[...] = 2

    def fail_inside():
        with ema.averaged():
            assert (model[0].weight.detach().numpy() == 2).all()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_inside()
    assert {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()} == own


def test_averages_are_no_view_of_the_weights():
    model = network()
    ema = EMA(model)
    set_all(model, 9)
    assert not (ema.averages["0.weight"] == 9).any()


def test_state_comes_back_as_a_copy():
    first, second = EMA(network(), 0.5), EMA(network(), 0.9)
    first.update()
    second.load_state_dict(first.state_dict())
    assert (second.decay, second.updates) == (0.5, 1)
    first.averages["0.bias"][...] = 7
    assert not (second.averages["0.bias"] == 7).any()


def test_the_state_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"EMA: state_dict does not fit the model: bias, weight differ"):
        EMA(nn.Linear(2, 3)).load_state_dict(EMA(nn.Linear(2, 4)).state_dict())


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_without_sense(decay):
    with pytest.raises(ValueError, match=r"EMA: decay=.* must be at least 0 and below 1"):
        EMA(network(), decay)
