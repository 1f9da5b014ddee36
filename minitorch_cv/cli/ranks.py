"""Commands that `mpiexec -n 2 minitorch-cv ...` starts on several ranks at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from ..distributed import abort, barrier, get_local_rank, get_rank, get_world_size, init_process_group, launched
from ..distributed.nccl import use_gpu
from .errors import fail


def on_all_ranks(command: Callable[..., None]) -> Callable[..., None]:
    """Let the ranks that mpiexec started carry out a command together; one that cannot ends them all."""

    @functools.wraps(command)
    def together(*args: Any, **options: Any) -> None:
        _, ranks = launched()
        if ranks == 1:
            return command(*args, **options)
        try:
            init_process_group()
        except RuntimeError as error:
            fail(error)
        try:
            return command(*args, **options)
        except typer.Exit as end:
            if end.exit_code == 2:  # what is wrong may be wrong on this rank alone
                abort(2)
            raise

    return together


def wait_for_rank_zero() -> None:
    """Let rank 0 get ready first: it fetches data that are missing, and what is wrong is said once."""
    if get_rank() > 0:
        barrier()


def let_other_ranks_go_on() -> None:
    """Rank 0 is ready."""
    if get_rank() == 0:
        barrier()


def end_other_ranks(status: int) -> int:
    """The exit status of this rank, which fails, perhaps alone: where there are others, all end here."""
    return status if get_world_size() == 1 else abort(status)


def device_of_rank(name: str) -> str:
    """The device that a setting means on this rank: of several ranks, each has for `cuda` the GPU with its number.

    ValueError for the number of a GPU, which all ranks cannot have.
    """
    if get_world_size() == 1 or name.partition(":")[0] != "cuda":
        return name
    if name != "cuda":
        raise ValueError(f"device {name!r} cannot serve {get_world_size()} ranks; 'cuda' gives each a GPU of its own")
    return f"cuda:{get_local_rank()}"


def moved_to_rank(network: Any, name: str) -> Any:
    """The network on the device of this rank, where everything else is computed as well from then on."""
    place = device_of_rank(name)
    moved = network.to(place)
    if place != name:
        use_gpu(get_local_rank())
    return moved
