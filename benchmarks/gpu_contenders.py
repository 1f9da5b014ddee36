"""Training steps on a GPU, ours and PyTorch's, with the same weights and the same batches, for `benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

import minitorch_cv
from minitorch_cv import models
from minitorch_cv.data import DataLoader

from . import book
from .contender import training_step

PRECISIONS = ("float32", "tf32", "bf16")  # of products; sums and weights are float32 in all of them
LENET_LR = 0.9  # the book's, section 7.6
WARM_UP = 4  # calls after which a recorded step replays, and a captured one is captured


@dataclass
class Contender:
    """step: one training step, which returns its loss and does not wait for the GPU; wait: until the GPU is idle."""

    name: str
    step: Callable[[], Any]
    wait: Callable[[], None]


Maker = tuple[str, Callable[[], Contender]]  # who it is, and how it gets ready


def ours(network: book.Network, precision: str, device: str) -> Contender:
    """A training step of ours, recorded and captured."""
    net = models.build(network.model, network.options)
    book.draw_weights(minitorch_cv, net)
    net.to(device)
    optimizer = minitorch_cv.optim.SGD(net.parameters(), lr=network.lr)
    minitorch_cv.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    rounded = minitorch_cv.autocast("cuda", minitorch_cv.bfloat16, enabled=precision == "bf16")
    step = minitorch_cv.compile(training_step(minitorch_cv, net, optimizer, within(rounded)))
    data = [(minitorch_cv.tensor(x).to(device), minitorch_cv.tensor(y).to(device)) for x, y in book.batches(network)]
    return Contender("minitorch_cv", taking_turns(step, data), minitorch_cv.cuda.synchronize)


def torch_contenders(network: book.Network, precision: str, device: str) -> list[Maker]:
    """PyTorch with cuDNN and channels_last: as it is, and the whole step captured in a CUDA graph."""
    names = "torch channels_last", "torch channels_last, captured"
    return [(name, partial(torch_contender, name, network, precision, device)) for name in names]


def torch_contender(name: str, network: book.Network, precision: str, device: str) -> Contender:
    """A training step of PyTorch's, captured where its name says so."""
    import torch

    set_torch_precision(precision)
    step, data = torch_step(network, precision, device)
    if name.endswith("captured"):
        step = captured_by_torch(step, data[0])
    return Contender(name, taking_turns(step, data), torch.cuda.synchronize)


def torch_step(network: book.Network, precision: str, device: str) -> tuple[Callable[..., Any], list[Any]]:
    """The step on images and labels, and the batches for it."""
    import torch

    from . import torch_networks

    net = torch_networks.build(network.model, network.options)
    book.draw_weights(torch, net)
    net = net.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=network.lr, fused=device != "cpu")
    rounded = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16")
    step = training_step(torch, net, optimizer, within(rounded))
    data = [
        (torch.tensor(x, device=device).contiguous(memory_format=torch.channels_last), torch.tensor(y, device=device))
        for x, y in book.batches(network)
    ]
    return step, data


def set_torch_precision(precision: str) -> None:
    """How PyTorch and cuDNN multiply float32 numbers, and that cuDNN may try which algorithm is fastest."""
    import torch

    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")


def within(context: AbstractContextManager[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """within(context)(f): f, called inside of the context."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            with context:
                return function(*args)

        return wrapped

    return wrap


def captured_by_torch(step: Callable[..., Any], example: tuple[Any, ...]) -> Callable[..., Any]:
    """A PyTorch step in a CUDA graph: its arguments are copied to where the graph reads them, and it is replayed."""
    import torch

    places = [value.clone(memory_format=torch.preserve_format) for value in example]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step(*places)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(*places)

    def replay(*args: Any) -> Any:
        for place, value in zip(places, args, strict=True):
            place.copy_(value, non_blocking=True)
        graph.replay()
        return loss

    return replay


def taking_turns(step: Callable[..., Any], data: list[Any]) -> Callable[[], Any]:
    """The step on one batch after the other."""
    batches = cycle(data)
    return lambda: step(*next(batches)).detach()


def our_epochs(images: Any, batch: int, device: str) -> Contender:
    """LeNet through a data set; a step gathers its batch, whose number the GPU counts, and is one CUDA graph."""
    minitorch_cv.set_float32_matmul_precision("highest")
    batches = DataLoader(images, batch, shuffle=True, device=device).on_device()
    net = models.build("lenet", {})
    book.draw_weights(minitorch_cv, net)
    net.to(device)
    learn = training_step(minitorch_cv, net, minitorch_cv.optim.SGD(net.parameters(), lr=LENET_LR))
    step = minitorch_cv.compile(lambda: learn(*batches.next()))

    def epoch() -> Any:
        batches.start_epoch()
        for _ in range(len(batches)):
            loss = step()
        return loss

    return Contender("minitorch_cv", epoch, minitorch_cv.cuda.synchronize)


def torch_epochs(images: np.ndarray, labels: np.ndarray, batch: int, device: str) -> list[Maker]:
    """The same in PyTorch, the bytes (M, H, W) on the GPU: as it is, compiled with CUDA graphs, captured as a whole."""
    names = "torch eager", "torch compile, CUDA graphs", "torch captured"
    return [(name, partial(torch_epoch, name, images, labels, batch, device)) for name in names]


def torch_epoch(name: str, images: np.ndarray, labels: np.ndarray, batch: int, device: str) -> Contender:
    """LeNet through the images in PyTorch, compiled or captured where its name says so."""
    import torch

    from . import torch_networks

    set_torch_precision("float32")
    pixels, classes = torch.tensor(images, device=device).unsqueeze(1), torch.tensor(labels, device=device)
    net = torch_networks.build("lenet", {})
    book.draw_weights(torch, net)
    net.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=LENET_LR, fused=device != "cpu")
    compiler = partial(torch.compile, mode="reduce-overhead") if "compile" in name else None
    learn = training_step(torch, net, optimizer, compiler)

    def step(chosen: Any) -> Any:
        return learn(pixels[chosen].float() / 255, classes[chosen])

    if name.endswith("captured"):
        step = captured_by_torch(step, (torch.arange(batch, device=device),))

    def epoch() -> Any:
        order = torch.randperm(len(pixels), device=device)
        for start in range(0, len(pixels) - batch + 1, batch):
            loss = step(order[start : start + batch])
        return loss.detach()

    return Contender(name, epoch, torch.cuda.synchronize)
