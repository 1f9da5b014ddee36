"""Public functions and classes have PyTorch's parameter names, order and defaults.

PyTorch's built-in functions have no signature at run time, but its wheel carries type stubs, which are read here.
"""

import ast
import inspect
from pathlib import Path

import pytest

import minitorch_cv as mt

from .compare import torch

pytestmark = pytest.mark.parity

# Parameters of PyTorch that an engine without other layouts, devices, names or out-arguments leaves out.
LEFT_OUT = {
    "out", "layout", "pin_memory", "device", "dtype", "memory_format", "non_blocking", "foreach", "fused", "capturable",
    "differentiable", "size_average", "reduce", "_stacklevel", "async_op", "rounding_mode", "requires_grad", "inputs",
    "generator", "keep_graph", "sparse_grad", "weights_only", "in_order", "self", "params", "assign", "names",
}  # fmt: skip
# Where minitorch_cv differs on purpose: say why.
DIFFERENT = {
    "randint": "accepts randint(high, size) and randint(low, high, size) in one signature",
    "arange": "accepts arange(end) and arange(start, end, step) in one signature",
    "max": "one signature for max(x), max(x, dim) and max(x, other)",
    "min": "one signature for min(x), min(x, dim) and min(x, other)",
    "where": "the form of one argument, where(condition), is not offered",
    "normal": "one signature for numbers and tensors",
    "meshgrid": "indexing is 'ij' without PyTorch's warning",
    "sort": "one signature for both overloads",
    "var": "unbiased stands where PyTorch's older overload has it",
    "std": "unbiased stands where PyTorch's older overload has it",
    "tensor": "the stub calls what can be tensor data Any",
    "norm": "p is 2 rather than 'fro', the same for vectors",
    "is_tensor": "the argument is called value",
}

# Functions that PyTorch has elsewhere.
FROM_TORCHVISION = {"stochastic_depth"}


def stub_signatures():
    """{function: [(parameter names, {name: default text}) of each overload]} of torch's built-in functions."""
    path = Path(torch.__file__).parent / "_C" / "_VariableFunctions.pyi"
    if not path.exists():
        pytest.skip("this PyTorch comes without stubs")
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(parameters_of_stub(node.args))
    return found


def parameters_of_stub(args):
    positional = [*args.posonlyargs, *args.args]
    defaults = dict(zip([a.arg for a in positional][len(positional) - len(args.defaults) :], args.defaults))
    defaults |= {a.arg: d for a, d in zip(args.kwonlyargs, args.kw_defaults) if d is not None}
    names = [a.arg for a in positional if a.arg not in LEFT_OUT]
    # () and None both stand for all axes.
    return names, {name: ast.unparse(default).replace("()", "None") for name, default in defaults.items()}


def positional_names(function):
    """The names of what can be given by position, in order, without PyTorch's extras."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.name not in LEFT_OUT]


def is_prefix(short, long):
    return long[: len(short)] == short


BUILTIN = [
    name
    for name in sorted(set(dir(mt)) & set(dir(torch)))
    if inspect.isfunction(getattr(mt, name)) and not name.startswith("_") and name not in DIFFERENT
]


@pytest.fixture(scope="module")
def stubs():
    return stub_signatures()


@pytest.mark.parametrize("name", BUILTIN)
def test_functions(stubs, name):
    """Our positional parameters begin as those of one of PyTorch's overloads do, or are all of them and more."""
    if name not in stubs:
        return
    ours = positional_names(getattr(mt, name))
    variadic = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(getattr(mt, name)).parameters.values())
    if variadic:
        return
    fitting = [stub for stub in stubs[name] if is_prefix(ours, stub[0]) or is_prefix(stub[0], ours)]
    assert fitting, (ours, [names for names, _ in stubs[name]])
    defaults = {p.name: repr(p.default) for p in inspect.signature(getattr(mt, name)).parameters.values()}
    assert any(all(defaults.get(key, text) == text for key, text in shown.items()) for _, shown in fitting), (
        defaults,
        [shown for _, shown in fitting],
    )


def takes_anything(function):
    """True for PyTorch functions whose signature says nothing: (*args, **kwargs), or none at all."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return True
    return any(p.kind is p.VAR_POSITIONAL for p in parameters)


PYTHON = [
    pytest.param(getattr(mt.nn.functional, name), getattr(torch.nn.functional, name), id=f"functional.{name}")
    for name in mt.nn.functional.__all__
    if name not in FROM_TORCHVISION
] + [
    pytest.param(getattr(mt.nn.init, name), getattr(torch.nn.init, name), id=f"init.{name}")
    for name in sorted(set(dir(mt.nn.init)) & set(torch.nn.init.__all__))
    if inspect.isfunction(getattr(mt.nn.init, name))
] + [
    pytest.param(getattr(mt.nn, name), getattr(torch.nn, name), id=f"nn.{name}")
    for name in sorted(set(dir(mt.nn)) & set(torch.nn.__all__ if hasattr(torch.nn, "__all__") else dir(torch.nn)))
    if inspect.isclass(getattr(mt.nn, name))
] + [
    pytest.param(getattr(mt.optim, name), getattr(torch.optim, name), id=f"optim.{name}")
    for name in ("Adadelta", "Adagrad", "Adam", "AdamW", "RMSprop", "SGD")
] + [
    pytest.param(mt.utils.data.DataLoader, torch.utils.data.DataLoader, id="data.DataLoader"),
    pytest.param(mt.Tensor.backward, torch.Tensor.backward, id="Tensor.backward"),
    pytest.param(mt.nn.Module.load_state_dict, torch.nn.Module.load_state_dict, id="Module.load_state_dict"),
    pytest.param(mt.nn.Module.named_parameters, torch.nn.Module.named_parameters, id="Module.named_parameters"),
    pytest.param(mt.nn.Module.zero_grad, torch.nn.Module.zero_grad, id="Module.zero_grad"),
    pytest.param(mt.nn.Module.register_buffer, torch.nn.Module.register_buffer, id="Module.register_buffer"),
    pytest.param(mt.nn.Module.train, torch.nn.Module.train, id="Module.train"),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), [row for row in PYTHON if not takes_anything(row.values[1])])
def test_python_functions_and_classes(ours, theirs):
    """Names in the same order, and the same defaults, for all that both have."""
    here, there = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    shared = [name for name in here if name in there and name not in LEFT_OUT]
    assert shared == [name for name in there if name in here and name not in LEFT_OUT], "order"
    unknown = [name for name in here if name not in there and name not in LEFT_OUT]
    assert unknown == [], "parameters that PyTorch does not have"
    for name in shared:
        assert here[name].default == there[name].default, (name, here[name].default, there[name].default)
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        if there[name].kind is positional:
            assert here[name].kind is positional, f"{name} can be given by position"
