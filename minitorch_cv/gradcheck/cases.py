"""All cases of the gradient check, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterable

from minitorch_kernels.kernel import use

from ..graph import Node
from ..ops.differentiable import OPERATIONS
from ..tensor import Tensor
from . import cases_elementwise, cases_fused, cases_layers, cases_norms, cases_shape, cases_spatial, networks
from .case import Case

CASES: list[Case] = [
    *cases_elementwise.CASES,
    *cases_shape.CASES,
    *cases_layers.CASES,
    *cases_spatial.CASES,
    *cases_norms.CASES,
    *cases_fused.CASES,
    *networks.CASES,
]


def operations() -> set[str]:
    """The names of all operations of minitorch_cv; those that somebody added elsewhere are not among them."""
    return {name for name, operation in OPERATIONS.items() if operation.__module__.startswith("minitorch_cv.")}


def uncovered(cases: Iterable[Case] = CASES) -> set[str]:
    """The operations through which no case sends a gradient, found by running them and reading their graphs."""
    return operations() - {name for case in cases for name in operations_of(case)}


def operations_of(case: Case) -> set[str]:
    """The names of the operations that one case records."""
    fn, inputs, _ = case.seeded()
    with use("reference"):
        result = fn(*inputs)
    outputs = result if isinstance(result, (tuple, list)) else (result,)
    found: set[Node] = set()
    waiting = [y.grad_fn for y in outputs if isinstance(y, Tensor) and y.grad_fn is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [parent for parent in node.parents if isinstance(parent, Node)]
    return {node.name for node in found}
