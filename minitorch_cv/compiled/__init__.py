"""Steps that are recorded once and replayed: `compile(step)` and `net.hybridize()`.

A recording (`recording.py`) is a flat list of the operations and other calls of a step. From it follow the instructions
(`instructions.py`) that a replay (`replaying.py`) runs one after the other, in memory that is planned from the first
replay (`buffers.py`). On a GPU the second replay is captured as a graph, which later ones launch (`capturing.py`). The
operations are those of `minitorch_cv.ops`, the kernels the same: there is no second engine.
"""

from .recording import RecordingError
from .step import Compiled, compile

__all__ = ["Compiled", "RecordingError", "compile"]
