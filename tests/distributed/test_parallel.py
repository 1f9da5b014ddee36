import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.graph import after_backward
from minitorch_cv.nn.parallel import DistributedDataParallel

from . import programs


def test_two_ranks_give_the_gradients_of_one_on_the_joined_batch(two_ranks, one_rank):
    names = [name for name in one_rank if name.startswith("gradient of ") and name != "gradient of images"]
    assert len(names) == 8
    for name in names:
        for rank in two_ranks:
            np.testing.assert_allclose(rank[name], one_rank[name], rtol=0, atol=1e-12)


def test_two_ranks_give_the_gradients_of_one_on_the_simulated_gpu(two_ranks, one_rank):
    if "on cuda-sim" not in one_rank:
        pytest.skip("there is no C++ compiler: install g++")
    for rank in two_ranks:
        np.testing.assert_allclose(rank["on cuda-sim"], one_rank["on cuda-sim"], rtol=0, atol=1e-6)
    assert two_ranks[0]["on cuda-sim"].tobytes() == two_ranks[1]["on cuda-sim"].tobytes()


def test_two_ranks_on_gpus_of_their_own_reach_the_weights_of_one(two_ranks, one_rank):
    if "on cuda" not in one_rank:
        pytest.skip("there is no C++ compiler: install g++")
    for rank in two_ranks:
        np.testing.assert_allclose(rank["on cuda"], one_rank["on cuda"], rtol=0, atol=1e-5)
    assert two_ranks[0]["on cuda"].tobytes() == two_ranks[1]["on cuda"].tobytes()


@pytest.mark.parametrize("how", ["eager", "compiled", "hybridized", "fitted", "fitted, compiled"])
def test_two_ranks_reach_the_weights_of_one_with_batches_of_odd_sizes(two_ranks, one_rank, how):
    assert np.abs(one_rank[how] - programs.arrays_of(programs.network(), "")[""]).max() > 1e-2
    for rank in two_ranks:
        np.testing.assert_allclose(rank[how], one_rank[how], rtol=0, atol=1e-9)


@pytest.mark.parametrize("how", ["eager", "compiled", "hybridized", "fitted", "fitted, compiled"])
def test_all_ranks_have_the_same_bits(two_ranks, how):
    assert two_ranks[0][how].tobytes() == two_ranks[1][how].tobytes()


def test_a_second_run_has_the_same_bits(two_ranks):
    assert two_ranks[0]["again"].tobytes() == two_ranks[0]["eager"].tobytes()


def test_fit_tells_losses_and_accuracies_over_all_ranks(two_ranks, one_rank):
    for name in ("history, fitted", "history, fitted, compiled"):
        for rank in two_ranks:
            np.testing.assert_allclose(rank[name], one_rank[name], rtol=0, atol=1e-12)


def test_gradients_can_be_added_up_before_they_are_exchanged(two_ranks, one_rank):
    assert np.abs(two_ranks[0]["own"] - two_ranks[1]["own"]).max() > 1e-3
    for rank in two_ranks:
        np.testing.assert_allclose(rank["accumulated"], one_rank["accumulated"], rtol=0, atol=1e-12)


def test_a_layer_that_one_rank_uses_has_its_share_of_the_gradient_on_all(two_ranks):
    torch.manual_seed(0)
    net = programs.Branches().double()
    with torch.use("reference"):
        net(torch.tensor(np.full((2, 4), 0.5))).square().sum(1).mean().backward()  # rank 1's images
    for rank in two_ranks:
        np.testing.assert_allclose(rank["sometimes"], net.sometimes.weight.grad.numpy() / 2, atol=1e-12)
        assert rank["never"]


def test_separate_statistics_are_warned_of_and_handed_round(two_ranks):
    first, second = two_ranks
    assert "batch norm in 1, 5 uses the statistics of each rank's own images" in str(first["warning"])
    assert np.abs(first["own statistics"] - second["own statistics"]).max() > 1e-3
    np.testing.assert_allclose(second["then"], 0.9 * first["own statistics"] + second["own statistics"], atol=1e-12)


def test_one_rank_exchanges_nothing():
    net = nn.Linear(2, 2)
    model = DistributedDataParallel(net)
    with torch.use("reference"):
        loss = model(torch.ones(1, 2)).sum()
        assert not after_backward
        loss.backward()
    assert net.weight.grad.tolist() == [[1, 1], [1, 1]]
    assert list(model.state_dict()) == ["module.weight", "module.bias"]


@pytest.mark.parametrize(
    ("net", "message"),
    [(nn.LazyLinear(2), "lazy layers"), (nn.ReLU(), "no parameter that requires a gradient")],
)
def test_modules_that_cannot_be_trained_are_refused(net, message):
    with pytest.raises(ValueError, match=message):
        DistributedDataParallel(net)
