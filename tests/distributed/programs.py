"""What the tests run on several ranks, and in one process to compare with: `python -m tests.distributed.programs OUT`.

Each rank writes the arrays that it has in the end into OUT. With NumPy's kernels, so that nothing is compiled.
"""

import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import distributed as dist
from minitorch_cv import nn
from minitorch_cv.data import DataLoader, DistributedSampler, SharedLoader, TensorDataset
from minitorch_cv.nn import functional as F
from minitorch_cv.nn.parallel import DistributedDataParallel
from minitorch_cv.train import fit

from ..strict_cupy import installing

SIZES = (6, 6, 6, 6, 5, 5, 2, 2, 5)  # joined batches; of 5 images, rank 0 of 2 gets as many as of 6


class Branches(nn.Module):
    """A network in which one layer sees only images whose first pixel is large, and one is never used."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 3)
        self.sometimes = nn.Linear(4, 3)
        self.never = nn.Linear(4, 3)

    def forward(self, x):
        y = self.body(x)
        return y + self.sometimes(x) if x.numpy()[:, 0].min() > 0 else y


def network(seed=0):
    """A small network with all that ranks have to agree on; float64."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4), nn.BatchNorm1d(4)]
    return nn.Sequential(*layers).double()


def on_simulated_gpu():
    """The gradients of a batch of 5 on `cuda-sim`, where batch norm has kernels of its own; float32."""
    net = network(seed=dist.get_rank()).float().to("cuda-sim")
    model = parallel(net)
    images, labels = joined_batches()[-1]
    x, y = share(images.astype(np.float32)).to("cuda-sim"), share(labels).to("cuda-sim")
    F.cross_entropy(model(x), y).backward()
    return {"on cuda-sim": np.concatenate([np.ravel(p.grad.cpu().numpy()) for p in net.parameters()])}


def on_gpus_of_their_own():
    """The weights after the program of docs/distributed.md, each rank on a GPU of CuPy's stand-in."""
    place = f"cuda:{dist.get_local_rank()}"
    images, labels = (np.concatenate(parts) for parts in zip(*joined_batches()))
    dataset = TensorDataset(images.astype(np.float32), labels)
    net = network(seed=dist.get_rank()).float().to(place)
    model = parallel(net)
    sampler = DistributedSampler(dataset, shuffle=False)
    loader = DataLoader(dataset, 8 // dist.get_world_size(), sampler=sampler, drop_last=True, device=place)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert {str(tensor.device) for tensor in net.state_dict().values()} == {place}
    return arrays_of(net.cpu(), "on cuda")


def joined_batches():
    """Images and labels of each batch as a whole."""
    rng = np.random.default_rng(1)
    return [(rng.normal(size=(n, 1, 6, 6)) + 3, rng.integers(0, 4, n)) for n in SIZES]


def share(array):
    """This rank's part of an array of a whole batch."""
    return torch.tensor(array[dist.get_rank() :: dist.get_world_size()].copy())


def parallel(net):
    """The network, trained by all ranks."""
    return DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(net))


def arrays_of(net, name):
    """All parameters and buffers as one vector."""
    return {name: np.concatenate([np.ravel(tensor.detach().numpy()) for tensor in net.state_dict().values()])}


def collectives():
    """What each collective makes of tensors that differ from rank to rank."""
    rank = dist.get_rank()
    results = {}
    for op in dist.ReduceOp:
        tensor = torch.tensor([[1.0, 5.0, 2.0], [7.0, 3.0, 4.0]]).T + rank  # not contiguous
        dist.all_reduce(tensor, op)
        results[op.name] = tensor.numpy()
    number, whole, simulated = (
        torch.tensor(rank + 0.5),
        torch.tensor([rank, 2]),
        torch.ones(3, device="cuda-sim") + rank,
    )
    for tensor in (number, whole, simulated):
        dist.all_reduce(tensor)
    sent = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).T * (rank + 1)
    dist.broadcast(sent, src=dist.get_world_size() - 1)
    return {**results, "number": number.numpy(), "whole": whole.numpy(), "sent": sent.numpy()} | {
        "simulated": simulated.cpu().numpy()
    }


def gradients():
    """The gradients of one batch of 5, and what batch norm knows afterwards; the networks start differently."""
    net = network(seed=dist.get_rank())
    model = parallel(net)
    images, labels = joined_batches()[-1]
    x = share(images).requires_grad_()
    F.cross_entropy(model(x), share(labels)).backward()
    named = {f"gradient of {name}": p.grad.numpy() for name, p in net.named_parameters()}
    return {**named, **arrays_of(net, "state"), "gradient of images": x.grad.numpy() * len(x) / len(images)}


def accumulated():
    """The gradients of two batches, the first of which stayed on its rank."""
    net = network()
    model = parallel(net)
    (first, first_labels), (second, second_labels) = joined_batches()[:2]
    with model.no_sync():
        F.cross_entropy(model(share(first)), share(first_labels)).backward()
    own = net[4].weight.grad.numpy().copy()
    F.cross_entropy(model(share(second)), share(second_labels)).backward()
    return {"own": own, "accumulated": np.concatenate([np.ravel(p.grad.numpy()) for p in net.parameters()])}


def branches():
    """Gradients where rank 0, whose images are dark, does not use all layers; whether a layer without one has one."""
    torch.manual_seed(0)
    net = Branches().double()
    model = DistributedDataParallel(net)
    x = np.full((4, 4), 0.5)
    x[0::2] = -0.5
    model(share(x)).square().sum(1).mean().backward()
    return {
        "sometimes": net.sometimes.weight.grad.numpy(),
        "body": net.body.weight.grad.numpy(),
        "never": np.array(net.never.weight.grad is None),
    }


def weights_after(how, ranks_differ=True):
    """The weights after a few steps, carried out in one of four ways."""
    net = network(seed=dist.get_rank() if ranks_differ else 0)
    model = parallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(images, labels):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

    if how == "hybridized":
        model.hybridize()
    step = torch.compile(step) if how == "compiled" else step
    for images, labels in joined_batches():
        step(share(images), share(labels))
    return arrays_of(net, how)


def fitted(compiled):
    """Weights and history of a training by `fit`, of 21 images in batches of 8."""
    rng = np.random.default_rng(2)
    images, labels = torch.tensor(rng.normal(size=(21, 1, 6, 6))), torch.tensor(rng.integers(0, 4, 21))
    dataset = TensorDataset(images, labels)
    net = network()
    model = parallel(net) if dist.get_world_size() > 1 else net
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    history = fit(
        model,
        SharedLoader(dataset, 8, shuffle=True, generator=torch.Generator().manual_seed(5)),
        [(share(images.numpy()), share(labels.numpy()))],
        epochs=3,
        optimizer=optimizer,
        loss=F.cross_entropy,
        compiled=compiled,
        clip_norm=0.5,
    )
    name = "fitted, compiled" if compiled else "fitted"
    numbers = [[epoch.train_loss, epoch.train_acc, epoch.test_acc] for epoch in history]
    return {**arrays_of(net, name), f"history, {name}": np.array(numbers)}


def separate_statistics():
    """Batch norm that is not synchronised: the warning, and whose running statistics are left."""
    net = network()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = DistributedDataParallel(net)
    images, _ = joined_batches()[0]
    model(share(images))
    of_own = net[1].running_mean.numpy().copy()
    model(share(images))  # before which those of rank 0 are handed round
    return {
        "warning": np.array(str(caught[0].message) if caught else ""),
        "own statistics": of_own,
        "then": net[1].running_mean.numpy(),
    }


def everything():
    """The results of all of them."""
    results = {}
    if shutil.which(os.environ.get("CXX", "g++")):
        results = on_simulated_gpu()
        with pytest.MonkeyPatch.context() as patch:
            installing.installed(patch)
            results |= on_gpus_of_their_own()
    with torch.use("reference"):
        for part in (collectives, gradients, accumulated, separate_statistics):
            results |= part()
        for how in ("eager", "compiled", "hybridized"):
            results |= weights_after(how)
        results["again"] = weights_after("eager")["eager"]
        return results | fitted(False) | fitted(True)


if __name__ == "__main__":
    dist.init_process_group()
    results = everything()
    with torch.use("reference"):
        results |= branches()
    np.savez(Path(sys.argv[1]) / f"rank-{dist.get_rank()}.npz", **results)
