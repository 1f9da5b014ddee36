"""One side of a race, in a process of its own: `python -m benchmarks.contender NETWORK CONTENDER THREADS`.

It carries out one training step, answers, takes a few more to get ready, and then runs as many steps as each line of
its input asks for. An answer is one line of JSON: the seconds, the last loss, and the process's largest memory since it
was ready.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import book

TORCH = ("torch eager", "torch channels_last", "torch compile", "torch compile channels_last")
OURS = ("eager", "compiled")
CONTENDERS = (*OURS, *TORCH)
TO_GET_READY = 4  # steps after the first: a recorded step is eager twice, then looks what memory it needs, then replays


def main() -> None:
    name, contender, threads = sys.argv[1:]
    os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = threads
    prepare = prepare_torch if contender in TORCH else prepare_minitorch
    step = prepare(book.find(name), contender, int(threads))
    answer(step, 1)
    for _ in range(TO_GET_READY):
        step()
    forget_peak()
    for line in sys.stdin:
        answer(step, int(line))


def answer(step: Callable[[], Any], count: int) -> None:
    """Run `count` steps and print how they went."""
    start = time.perf_counter()
    for _ in range(count):
        loss = step()
    value = float(loss)  # waits for the result, where a library would not
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "loss": value, "peak": peak_bytes()}), flush=True)


def prepare_minitorch(network: book.Network, contender: str, threads: int) -> Callable[[], Any]:
    import minitorch_cv
    from minitorch_cv import models

    net = models.build(network.model, network.options)
    book.draw_weights(minitorch_cv, net)
    step = training_step(minitorch_cv, net, minitorch_cv.optim.SGD(net.parameters(), lr=network.lr))
    if contender == "compiled":
        step = minitorch_cv.compile(step)
    return in_turn(step, [(minitorch_cv.tensor(x), minitorch_cv.tensor(y)) for x, y in book.batches(network)])


def prepare_torch(network: book.Network, contender: str, threads: int) -> Callable[[], Any]:
    import torch

    from . import torch_networks

    torch.set_num_threads(threads)
    net = torch_networks.build(network.model, network.options)
    book.draw_weights(torch, net)
    data = [(torch.tensor(x), torch.tensor(y)) for x, y in book.batches(network)]
    if contender.endswith("channels_last"):
        net = net.to(memory_format=torch.channels_last)
        data = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in data]
    optimizer = torch.optim.SGD(net.parameters(), lr=network.lr, foreach=True)
    step = training_step(torch, net, optimizer, torch.compile if "compile" in contender else None)
    return in_turn(step, data)


def training_step(
    library: Any, net: Any, optimizer: Any, compiler: Callable[..., Any] | None = None
) -> Callable[[Any, Any], Any]:
    """The step itself, the same lines for either library. compiler: takes the function that ends in the loss."""
    cross_entropy = library.nn.CrossEntropyLoss()

    def loss_of(x: Any, y: Any) -> Any:
        return cross_entropy(net(x), y)

    forward = compiler(loss_of) if compiler else loss_of

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def in_turn(step: Callable[[Any, Any], Any], data: list[tuple[Any, Any]]) -> Callable[[], Any]:
    """The step on one batch after the other."""
    done = 0

    def next_step() -> Any:
        nonlocal done
        x, y = data[done % len(data)]
        done += 1
        return step(x, y).detach()

    return next_step


def forget_peak() -> None:
    """Begin to look for the largest memory anew; where Linux does not allow that, it stays that of the whole run."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("the first steps count into the peak memory, too", file=sys.stderr)


def peak_bytes() -> int:
    """The most memory that this process has had in use (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmHWM; memory is measured on Linux only")


if __name__ == "__main__":
    main()
