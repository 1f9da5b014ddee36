"""The simulated GPUs, and which of them a thread computes on."""

import threading
from typing import Any

count: Any = 2  # of GPUs; an exception is raised for whoever counts them
memory = 1 << 35  # bytes of each


class CUDARuntimeError(RuntimeError):
    """Stands for cupy.cuda.runtime.CUDARuntimeError."""


class _Thread(threading.local):
    """Which GPU is the current one of a thread; as in CUDA a new thread starts on the first."""

    def __init__(self) -> None:
        self.number = 0
        self.before: list[int] = []


thread = _Thread()


def get_device_count() -> int:
    if isinstance(count, Exception):
        raise count
    return count


def get_device() -> int:
    return thread.number


def set_device(number: int) -> None:
    if not 0 <= number < get_device_count():
        raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
    thread.number = number


class Device:
    """Stands for cupy.cuda.Device."""

    def __init__(self, device: Any = None) -> None:
        self.id = thread.number if device is None else int(device)

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __enter__(self) -> "Device":
        thread.before.append(thread.number)
        set_device(self.id)
        return self

    def __exit__(self, *_: Any) -> None:
        set_device(thread.before.pop())

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def use(self) -> "Device":
        set_device(self.id)
        return self

    def synchronize(self) -> None:
        """Nothing is ever under way."""

    @property
    def mem_info(self) -> tuple[int, int]:
        from .pools import reserved

        return memory - reserved[self.id], memory


def refuse_other_devices(numbers: Any) -> None:
    """ValueError for arrays that do not lie on the current GPU.

    Where GPUs can read each other's memory CuPy only warns (PerformanceWarning), and is slow.
    """
    for number in numbers:
        if number != thread.number:
            raise ValueError(
                f"The device where the array resides ({number}) is different from the current device "
                f"({thread.number}). Peer access is unavailable between these devices."
            )
