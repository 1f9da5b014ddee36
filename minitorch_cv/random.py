"""Random numbers: one default generator that `manual_seed` sets, one for each GPU, and generators of one's own."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import numpy as np

from minitorch_kernels import threads
from minitorch_kernels.arrays import Array, on_cpu, on_gpu
from minitorch_kernels.cuda.graph import overwrite

from .device import device, usable


class Generator:
    """A source of random numbers with a state of its own: `Generator().manual_seed(0)`, `Generator("cuda")`.

    On the CPU it is NumPy's PCG64, on a GPU Philox, whose state lies in the GPU's memory: kernels draw from it and
    count on without the host. Seeds give the same numbers on every machine, though not the numbers that torch would
    give.
    """

    def __init__(self, device: Any = "cpu"):
        self.device = numbered(usable(device))
        self.philox: Array | None = None  # seed and number of the next draw, int64, on a GPU
        if self.device.type != "cpu":
            self.philox = on_gpu(np.zeros(2, np.int64), self.device.type, self.device.index or 0)
        self.manual_seed(fresh_seed())
        generators.add(self)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`; returns the generator."""
        self._seed = int(seed)
        if self.philox is None:
            self.numpy = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        else:
            self.write(self._seed, 0)
        return self

    def write(self, seed: int, draws: int) -> None:
        """Set the state on the GPU, in its place, from which recorded steps read it."""
        assert self.philox is not None
        values = np.array([seed % 2**64, draws], np.uint64).view(np.int64)
        overwrite(self.philox, values)

    def seed(self) -> int:
        """Start from a fresh seed of the operating system, and return it."""
        return self.manual_seed(fresh_seed()).initial_seed()

    def initial_seed(self) -> int:
        """The seed this generator started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """The state, as a dictionary of plain numbers."""
        if self.philox is not None:
            return {"seed": self._seed, "draws": int(on_cpu(self.philox)[1])}
        return copy.deepcopy({"seed": self._seed, "state": self.numpy.bit_generator.state})

    def set_state(self, state: dict[str, Any]) -> Generator:
        """Go on from a state that `get_state` gave. RuntimeError for that of a generator of the other kind."""
        if ("draws" in state) != (self.philox is not None):
            raise RuntimeError(f"set_state: the state is not that of a generator on {self.device.type}")
        self._seed = state["seed"]
        if self.philox is None:
            self.numpy.bit_generator.state = copy.deepcopy(state["state"])
        else:
            self.write(self._seed, state["draws"])
        return self


generators: weakref.WeakSet[Generator] = weakref.WeakSet()


def locks() -> list[Any]:
    """NumPy's, of which a thread that draws numbers holds one."""
    return [generator.numpy.bit_generator.lock for generator in list(generators) if generator.philox is None]


threads.also_used.append(locks)


def fresh_seed() -> int:
    """A seed of the operating system."""
    return int(np.random.SeedSequence().entropy % 2**63)  # type: ignore[operator]


def numbered(place: device) -> device:
    """'cuda' as 'cuda:0', the GPU that it means; other devices as they are."""
    return device("cuda", 0) if place == "cuda" else place


default_generator = Generator()
gpu_generators: dict[str, Generator] = {}  # the default ones of the GPUs that drew something
gpu_seeds: dict[str, int] = {}  # what the others will start from, where it is not `gpu_seed`
gpu_seed = default_generator.initial_seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which initialisation, dropout and `rand` draw, and those of all GPUs.

    Returns the default generator.
    """
    seed_gpus(seed)
    return default_generator.manual_seed(seed)


def seed_gpus(seed: int) -> None:
    """Seed the default generators of all GPUs, also those that nobody used yet; needs no GPU."""
    global gpu_seed
    gpu_seed = int(seed)
    gpu_seeds.clear()
    for generator in gpu_generators.values():
        generator.manual_seed(seed)


def seed_gpu(seed: int, place: Any) -> None:
    """Seed the default generator of one GPU; where nobody used it yet, it need not be there."""
    name = str(numbered(device(place)))
    gpu_seeds[name] = int(seed)
    if name in gpu_generators:
        gpu_generators[name].manual_seed(seed)


def seed() -> int:
    """Seed the default generators from the operating system, and return the seed."""
    return manual_seed(fresh_seed()).initial_seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def generator_on(place: Any) -> Generator:
    """The default generator of a device."""
    place = numbered(device(place))
    if place.type == "cpu":
        return default_generator
    name = str(place)
    if name not in gpu_generators:
        gpu_generators[name] = Generator(place).manual_seed(gpu_seeds.get(name, gpu_seed))
    return gpu_generators[name]


def numpy_generator(generator: Generator | np.random.Generator | None) -> np.random.Generator:
    """The NumPy generator behind `generator`, behind the default one for None.

    RuntimeError for a generator on a GPU, which draws nothing but dropout.
    """
    if generator is None:
        return default_generator.numpy
    if isinstance(generator, Generator):
        if generator.philox is not None:
            raise RuntimeError(
                f"these numbers are drawn on the CPU, and the generator is on {generator.device}; "
                "give one that is made by Generator()"
            )
        return generator.numpy
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            f"generator={generator!r} is a {type(generator).__name__}; pass a Generator, such as "
            "Generator().manual_seed(5), or NumPy's np.random.default_rng(5)"
        )
    return generator
