"""GPUs under torch's names; this version computes on the CPU only, and says so here."""

from __future__ import annotations


def is_available() -> bool:
    """True where tensors can be moved to a GPU."""
    return False


def device_count() -> int:
    """The number of GPUs that can be used."""
    return 0


def synchronize(device: object = None) -> None:
    """Wait until the GPU's work is done; nothing to wait for without one."""


def manual_seed(seed: int) -> None:
    """Seed the GPU's generator; without a GPU there is none, so that scripts run unchanged."""


manual_seed_all = manual_seed
