"""Random numbers: one default generator that `manual_seed` sets, and generators of one's own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np


class Generator:
    """A source of random numbers with a state of its own (PCG64): `Generator().manual_seed(0)`.

    Seeds give the same numbers on every machine, though not the numbers that torch would give.
    """

    def __init__(self, device: Any = "cpu"):
        self.manual_seed(int(np.random.SeedSequence().entropy % 2**63))  # type: ignore[operator]

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`; returns the generator."""
        self._seed = int(seed)
        self.numpy = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        return self

    def seed(self) -> int:
        """Start from a fresh seed of the operating system, and return it."""
        return self.manual_seed(int(np.random.SeedSequence().entropy % 2**63)).initial_seed()  # type: ignore[operator]

    def initial_seed(self) -> int:
        """The seed this generator started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """The state, as a dictionary of plain numbers."""
        return copy.deepcopy({"seed": self._seed, "state": self.numpy.bit_generator.state})

    def set_state(self, state: dict[str, Any]) -> Generator:
        """Go on from a state that `get_state` gave."""
        self._seed = state["seed"]
        self.numpy.bit_generator.state = copy.deepcopy(state["state"])
        return self


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which initialisation, dropout and `rand` draw; returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system, and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def numpy_generator(generator: Generator | np.random.Generator | None) -> np.random.Generator:
    """The NumPy generator behind `generator`, behind the default one for None."""
    if generator is None:
        return default_generator.numpy
    return generator.numpy if isinstance(generator, Generator) else generator
