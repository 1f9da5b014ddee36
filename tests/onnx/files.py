"""A function as a network, and the question whether its file computes the same for every batch."""

import numpy as np

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.onnx import export

BATCHES = (1, 2, 3, 4)


class Net(nn.Module):
    """A function as a network; it gets the buffers after the inputs."""

    def __init__(self, function, **buffers):
        super().__init__()
        self.function = function
        for name, array in buffers.items():
            self.register_buffer(name, torch.tensor(array))

    def forward(self, *inputs):
        return self.function(*inputs, *self.buffers())


def images(count, shape=(3, 4), dtype=np.float32, seed=0):
    """Inputs of any dtype, other ones for each count."""
    rng = np.random.default_rng([count, seed])
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal((count, *shape)).astype(dtype)
    return rng.integers(0, 2 if dtype == np.bool_ else 100, (count, *shape)).astype(dtype)


def run(path, **inputs):
    """What onnx's reference evaluator computes."""
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(str(path)).run(None, inputs)


def assert_agrees(net, path, shape=(3, 4), dtype=np.float32, exported=(1, 2, 3), batches=BATCHES, rtol=2e-5):
    """Exported with each of these batches, the file gives values, shape and dtype of the network for all others."""
    for count in exported:
        export(net, torch.tensor(images(count, shape, dtype)), path)
        for batch in batches:
            x = images(batch, shape, dtype)
            net.eval()
            ours = net(torch.tensor(x)).detach().numpy()
            (theirs,) = run(path, input=x)
            assert (np.shape(theirs), np.result_type(theirs)) == (ours.shape, ours.dtype), (count, batch)
            np.testing.assert_allclose(theirs, ours, rtol=rtol, atol=rtol, err_msg=f"{count}, {batch}")
