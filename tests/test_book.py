"""Programs as readers of *Dive into Deep Learning* write them, with `import minitorch_cv as torch` on top."""

import numpy as np

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F


def corr2d(X, K):
    """Cross-correlation in loops (section 7.2)."""
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


class BatchNorm(nn.Module):
    """Batch normalisation out of tensor arithmetic (section 8.5)."""

    def __init__(self, shape):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))
        self.moving_mean, self.moving_var = torch.zeros(shape), torch.ones(shape)

    def forward(self, X):
        if not torch.is_grad_enabled():
            X_hat = (X - self.moving_mean) / torch.sqrt(self.moving_var + 1e-5)
        else:
            mean = X.mean(dim=(0, 2, 3), keepdim=True)
            var = ((X - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
            X_hat = (X - mean) / torch.sqrt(var + 1e-5)
            self.moving_mean = ((1.0 - 0.1) * self.moving_mean + 0.1 * mean).data
            self.moving_var = ((1.0 - 0.1) * self.moving_var + 0.1 * var).data
        return self.gamma * X_hat + self.beta


class Residual(nn.Module):
    """A residual block whose 1x1 convolution may be None (section 8.6)."""

    def __init__(self, num_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.LazyConv2d(num_channels, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.LazyConv2d(num_channels, kernel_size=3, padding=1)
        self.conv3 = nn.LazyConv2d(num_channels, kernel_size=1, stride=strides) if use_1x1conv else None
        self.bn1, self.bn2 = nn.LazyBatchNorm2d(), nn.LazyBatchNorm2d()

    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3:
            X = self.conv3(X)
        Y += X
        return F.relu(Y)


def test_cross_correlation_and_its_gradient():
    X = torch.arange(9, dtype=torch.float32).reshape((3, 3))
    K = nn.Parameter(torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    Y = corr2d(X, K)
    assert Y.tolist() == [[19, 25], [37, 43]]
    Y.sum().backward()
    assert K.grad.tolist() == [[8, 12], [20, 24]]


def test_learning_an_edge_detector_through_data():
    X = torch.ones((6, 8))
    X[:, 2:6] = 0
    Y = corr2d(X, torch.tensor([[1.0, -1.0]])).reshape((1, 1, 6, 7))
    conv2d = nn.LazyConv2d(1, kernel_size=(1, 2), bias=False)
    torch.manual_seed(0)
    X = X.reshape((1, 1, 6, 8))
    for _ in range(20):
        loss = (conv2d(X) - Y) ** 2
        conv2d.zero_grad()
        loss.sum().backward()
        conv2d.weight.data[:] -= 3e-2 * conv2d.weight.grad
    assert f"{loss.sum():.1f}" == "0.0"
    np.testing.assert_allclose(conv2d.weight.data.reshape((1, 2)), [[1, -1]], atol=0.1)


def test_one_by_one_convolution_is_a_matrix_product():
    X, K = torch.normal(0, 1, (3, 3, 3)), torch.normal(0, 1, (2, 3, 1, 1))
    channels = torch.stack([sum(corr2d(x, k) for x, k in zip(X, kernel)) for kernel in K], 0)
    product = torch.matmul(K.reshape((2, 3)), X.reshape((3, 9))).reshape((2, 3, 3))
    assert float(torch.abs(channels - product).sum()) < 1e-5


def test_pooling_of_joined_channels():
    X = torch.arange(16, dtype=torch.float32).reshape((1, 1, 4, 4))
    pooled = nn.MaxPool2d(3, padding=1, stride=2)(torch.cat((X, X + 1), 1))
    assert pooled.tolist() == [[[[5, 7], [13, 15]], [[6, 8], [14, 16]]]]


def test_batch_norm_out_of_arithmetic_is_the_layer():
    ours, layer = BatchNorm((1, 3, 1, 1)), nn.BatchNorm2d(3)
    X = torch.randn(4, 3, 5, 5)
    x, z = X.clone().requires_grad_(), X.clone().requires_grad_()
    weights = torch.randn(4, 3, 5, 5)
    for module, batch in ((ours, x), (layer, z)):
        (module(batch) * weights).sum().backward()
    np.testing.assert_allclose(x.grad, z.grad, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(ours.gamma.grad.reshape((-1,)), layer.weight.grad, rtol=1e-3)
    np.testing.assert_allclose(ours.moving_mean.reshape((-1,)), layer.running_mean, rtol=1e-5, atol=1e-7)
    assert list(ours.state_dict()) == ["gamma", "beta"], "plain tensors stay out of state_dict"


def test_residual_blocks_with_and_without_a_convolution():
    X = torch.randn(4, 3, 6, 6)
    assert Residual(3)(X).shape == (4, 3, 6, 6)
    block = Residual(6, use_1x1conv=True, strides=2)
    Y = block(X)
    assert Y.shape == torch.Size([4, 6, 3, 3])
    Y.sum().backward()
    assert all(parameter.grad is not None for parameter in block.parameters())


def test_linear_regression_with_updates_by_hand():
    torch.manual_seed(0)
    true_w, true_b = torch.tensor([2.0, -3.4]), 4.2
    X = torch.normal(0, 1, (200, 2))
    y = torch.matmul(X, true_w) + true_b + torch.normal(0, 0.01, (200,))
    w, b = torch.normal(0, 0.01, size=(2, 1), requires_grad=True), torch.zeros(1, requires_grad=True)
    for _ in range(60):
        loss = ((torch.matmul(X, w) + b - y.reshape((-1, 1))) ** 2 / 2).mean()
        loss.backward()
        with torch.no_grad():
            for parameter in (w, b):
                parameter -= 0.2 * parameter.grad
                parameter.grad.zero_()
    np.testing.assert_allclose(w.detach().reshape((-1,)), true_w, atol=0.01)
    assert abs(b.item() - true_b) < 0.01


def test_softmax_regression_by_hand():
    y, y_hat = torch.tensor([0, 2]), torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert y_hat[[0, 1], y].tolist() == [np.float32(0.1), 0.5]
    cross_entropy = -torch.log(y_hat[list(range(len(y_hat))), y]).mean()
    assert f"{cross_entropy:.4f}" == "1.4979"
    X_exp = torch.exp(y_hat)
    np.testing.assert_allclose(X_exp / X_exp.sum(1, keepdims=True), F.softmax(y_hat, dim=1), rtol=1e-6)
    compare = (y_hat.argmax(axis=1).type(y.dtype) == y).type(torch.float32)
    assert float(compare.mean()) == 0.5


def test_dropout_by_hand():
    X = torch.ones((40, 50))
    mask = (torch.rand(X.shape) > 0.5).float()
    dropped = mask * X / (1.0 - 0.5)
    assert set(dropped.reshape(-1).tolist()) == {0.0, 2.0}
    assert 0.8 < dropped.mean() < 1.2
