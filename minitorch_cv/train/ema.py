"""The moving average of the weights, which is often better than the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minitorch_kernels.arrays import Array, copied, on_gpu_of

from ..device import device_of, moved
from ..listening import told


class EMA:
    """a <- decay a + (1 - decay) w after each step, for all weights and batch-norm statistics w of a model.

    The first update copies the weights, so that the draw they started from has no share; whole numbers are copied by
    every update. ValueError for a decay outside [0, 1). Source: Polyak & Juditsky 1992; torch's AveragedModel.
    """

    def __init__(self, model: Any, decay: float = 0.999):
        if not 0 <= decay < 1:
            raise ValueError(f"EMA: decay={decay} must be at least 0 and below 1, for instance 0.999")
        self.model = model
        self.decay = decay
        self.updates = 0
        self.averages = values_of(model)

    @told
    def update(self) -> None:
        """Take the model's present weights into the averages."""
        for name, tensor in self.model.state_dict().items():
            average, value = self.averages[name], tensor._array
            with on_gpu_of((value,)):
                if self.updates == 0 or value.dtype.kind != "f":
                    average[...] = value
                else:
                    average += (1 - self.decay) * (value - average)
        self.updates += 1

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model has the averages for its weights inside the `with` block, and its own again after it."""
        own = values_of(self.model)
        self.model.load_state_dict(self.averages)
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """The averages themselves, not copies, and how many updates made them."""
        return {"decay": self.decay, "updates": self.updates, "averages": self.averages}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a copy of the averages that `state_dict` gave; ValueError where they are not of such a model."""
        ours, theirs = (
            {name: array.shape for name, array in arrays.items()} for arrays in (self.averages, state["averages"])
        )
        if ours != theirs:
            differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
            raise ValueError(f"EMA: state_dict does not fit the model: {', '.join(differing)} differ")
        self.decay, self.updates = state["decay"], state["updates"]
        for name, average in self.averages.items():
            with on_gpu_of((average,)):
                average[...] = moved(state["averages"][name], device_of(average))


def values_of(model: Any) -> dict[str, Array]:
    """Copies of all weights and buffers, on the model's device."""
    return {name: copied(tensor._array) for name, tensor in model.state_dict().items()}
