import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def test_gradients_of_images_are_those_of_the_joined_batch(two_ranks, one_rank):
    expected = one_rank["gradient of images"]
    for rank, results in enumerate(two_ranks):
        np.testing.assert_allclose(results["gradient of images"], expected[rank::2], rtol=0, atol=1e-12)


def test_statistics_are_those_of_the_joined_batch(two_ranks, one_rank):
    for rank in two_ranks:
        np.testing.assert_allclose(rank["state"], one_rank["state"], rtol=0, atol=1e-12)


def test_converted_layers_keep_parameters_buffers_and_mode():
    net = nn.Sequential(nn.BatchNorm2d(2, eps=0.5, momentum=None), nn.Sequential(nn.BatchNorm1d(3)), nn.ReLU()).eval()
    before, inner = net[0], net[1]
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert converted is net
    assert net[1] is inner
    assert [type(module).__name__ for module in net.modules()][1:] == [
        "SyncBatchNorm",
        "Sequential",
        "SyncBatchNorm",
        "ReLU",
    ]
    assert net[0].weight is before.weight
    assert net[0].running_var is before.running_var
    assert (net[0].eps, net[0].momentum, net[0].training) == (0.5, None, False)
    assert isinstance(nn.SyncBatchNorm.convert_sync_batchnorm(before), nn.SyncBatchNorm)


def test_one_rank_does_what_batch_norm_does():
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 3, 2, 2)))
    plain, joined = nn.BatchNorm2d(3).double(), nn.SyncBatchNorm(3).double()
    with torch.use("reference"):
        np.testing.assert_array_equal(plain(x).detach().numpy(), joined(x).detach().numpy())
    np.testing.assert_array_equal(plain.running_var.numpy(), joined.running_var.numpy())


def test_lazy_layers_are_refused():
    with pytest.raises(ValueError, match="lazy layers"):
        nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.LazyBatchNorm2d()))
