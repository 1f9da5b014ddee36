"""How much memory reading a file takes."""

import tracemalloc
from contextlib import contextmanager


@contextmanager
def at_most(count):
    """Python and NumPy take no more than so many bytes at a time within the block."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= count
