"""`compile(step)`: a step that runs eagerly until it is known, and is then replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch_kernels import kernel
from minitorch_kernels.cuda.precision import rounding

from ..graph import is_grad_enabled
from ..listening import current, listening
from ..tensor import Tensor
from .buffers import Log
from .plan import Plan
from .recording import Recorder, RecordingError
from .replaying import Recording, served_by

ATTEMPTS = 4  # runs that may differ, while lazy layers and optimizers get ready, before it is an error
RECORDINGS = 8  # kept for each kind of arguments: training, evaluation, ...


class Compiled:
    """A step, or a network, with its recordings; called as the step itself is.

    Everything else is asked of the step: `compiled_net.parameters()`. A copy, or what is read back from a pickle,
    records anew.
    """

    def __init__(self, step: Callable[..., Any]):
        self.step = step
        owner = getattr(step, "__self__", step)
        self.modules = [owner] if hasattr(owner, "_modules") else []  # a network, whose forward the step is
        self.recordings: dict[Any, deque[Recording]] = {}
        self.pending: dict[Any, list[Recorder]] = {}
        self.latest: Recording | None = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        if current.recorder is not None or current.listener is not None:
            return self.step(*args, **options)  # part of a larger recording, or of an export
        if options:
            raise TypeError(f"compiled: pass {', '.join(options)} by position; keywords are not recorded")
        key = kind_of(args)
        for recording in tuple(self.recordings.get(key, ())):
            if recording.still_holds():
                self.latest = recording
                return recording.run(args)
        return self.record(key, args)

    def record(self, key: Any, args: tuple[Any, ...]) -> Any:
        """Run the step eagerly and write it down; two runs that did the same make a recording."""
        recorder = Recorder(args, self.modules)
        with served_by(Log()), listening(recorder.operation, recorder):
            output = self.step(*args)
        recorder.finish(output)
        pending = self.pending.setdefault(key, [])
        alike = [other for other in pending if other.modules == recorder.modules]
        difference = recorder.difference(alike[-1]) if alike else ""
        if difference is None:
            self.pending.pop(key, None)
            self.latest = Recording(recorder)
            self.recordings.setdefault(key, deque(maxlen=RECORDINGS)).appendleft(self.latest)
        elif len(alike) == ATTEMPTS - 1:
            self.pending.pop(key, None)
            raise RecordingError(f"the step did something else in each of {ATTEMPTS} runs. {difference}")
        else:
            pending.append(recorder)
        return output

    @property
    def plan(self) -> Plan:
        """The list of what the latest call did, and the memory it takes; `print` shows it as a table.

        RuntimeError before there is one, which the second call with the same kind of arguments makes.
        """
        if self.latest is None:
            raise RuntimeError("plan: nothing is recorded yet; call the step three times with arguments of one shape")
        return Plan(self.latest)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "step":
            raise AttributeError(name)
        return getattr(self.step, name)

    def __reduce__(self) -> Any:
        return Compiled, (self.step,)


def compile(step: Callable[..., Any]) -> Compiled:
    """`step`, a function of tensors or a network, recorded as a flat list of operations and replayed from then on.

    A training step may be recorded as a whole: forward, backward, the step of the optimizer.

        @minitorch_cv.compile
        def step(images, labels):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
            return loss

    The first two calls with arguments of some shapes run eagerly and are written down; where both did the same, later
    calls replay the list: the same numbers, without building a graph, in memory that is planned once. What the step
    reads is read anew each time: parameters, learning rates, random numbers. Other shapes, or a network in evaluation
    mode, have recordings of their own. `print(step.plan)` shows the list.

    The step takes tensors and plain values, and returns tensors (alone, or in tuples, lists and dictionaries) or None.
    Python between the operations runs only while recording: RecordingError, with file and line, where a number is read
    out of a tensor (`item()`, `if loss > 0:`), where two runs differ, and for hooks. A layer, parameter or forward that
    is replaced, added or removed, and any other attribute of a module (the p of a dropout) leads to a new recording;
    what else Python holds, such as a global variable or the text of a function, does not.

    On a GPU the second replay is captured as a CUDA graph, and from the next call on the whole list is one launch, if
    nothing in it needs the CPU; `step.plan` says what does. Gradients of parameters are then the same arrays in each
    call, overwritten by the next. A network that is hybridized and trained, whose backward comes later, is replayed
    without a graph.
    """
    return Compiled(step)


def kind_of(args: tuple[Any, ...]) -> Any:
    """What has to agree for a recording to be of use: shapes, types, strides, places, and how operations are run."""
    given = tuple(kind_of_tensor(arg) if isinstance(arg, Tensor) else arg for arg in args)
    try:
        hash(given)
    except TypeError:
        kinds = ", ".join(type(arg).__name__ for arg in args)
        raise TypeError(f"compiled: got ({kinds}); pass tensors and plain values, each as an argument") from None
    return given, is_grad_enabled(), kernel._forced.get(), rounding()


def kind_of_tensor(tensor: Tensor) -> tuple[Any, ...]:
    """What has to agree in one argument."""
    array = tensor._array
    place = None if type(array) is np.ndarray else tensor.device  # the CPU, without asking
    history = tensor.requires_grad, tensor._node is None, tensor._base is None  # what may be written to, and how
    return array.shape, array.dtype, array.strides, place, history
