"""The arrows of the house: who may import whom. Every import statement in both package roots is parsed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A unit may import itself, what stands here, and minitorch_kernels.
ALLOWED = {
    "cli": {
        *("train", "gradcheck", "plot", "models", "onnx", "data", "optim", "nn", "ops", "tensor", "package"),
        *("distributed", "messages"),
    },
    "train": {"models", "data", "optim", "nn", "compiled", "distributed", "ops", "tensor"},
    "gradcheck": {"train", "plot", "models", "data", "optim", "nn", "ops", "tensor"},
    "models": {"nn", "ops", "tensor"},
    "nn": {"compiled", "distributed", "messages", "ops", "tensor"},
    "compiled": {"ops", "tensor"},
    "onnx": {"nn", "ops", "tensor"},
    "ops": {"tensor"},
    "optim": {"tensor"},
    "data": {"distributed", "messages", "tensor"},
    "distributed": {"ops", "tensor"},
    "utils": {"data"},
    "plot": {"tensor"},
    "tensor": set(),
    "messages": set(),
    "kernels": set(),
}
# Files at the top of the package that are part of a unit.
FILES = {
    **dict.fromkeys(
        ["tensor", "graph", "views", "dtypes", "device", "creation", "random", "cuda", "listening", "out_of_memory"],
        "tensor",
    ),
    "amp": "tensor",
    **dict.fromkeys(["__main__", "doctor"], "cli"),
    **dict.fromkeys(["summary", "summary_table"], "nn"),
}
# Libraries that only some units may import at all.
ONLY_FROM = {
    "numba": {"kernels", "cli"},
    "cupy": {"kernels", "distributed"},
    "llvmlite": {"kernels", "cli"},
    "mpi4py": {"distributed"},
    "torch": set(),
}


def unit_of(module: str) -> str:
    """The unit of a dotted name: "minitorch_cv.nn.functional" -> "nn"; a library stands for itself."""
    package, *rest = module.split(".")
    if package == "minitorch_kernels":
        return "kernels"
    if package != "minitorch_cv":
        return package
    name = rest[0] if rest else ""
    return name if name in ALLOWED else FILES.get(name, "package")


def imported(module: str, source: str, is_package: bool = False) -> set[str]:
    """The dotted names of all that the source of `module` imports, relative ones resolved, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            path = ".".join([*base, *([node.module] if node.module else [])])
            names.update(f"{path}.{alias.name}" for alias in node.names)
    return names


def forbidden(module: str, source: str, is_package: bool = False) -> list[str]:
    """Each import of `module` that follows no arrow, as "unit -> unit (name)"."""
    unit = unit_of(module)
    wrong = []
    for name in sorted(imported(module, source, is_package)):
        target = unit_of(name)
        if target in ONLY_FROM:
            allowed = unit in ONLY_FROM[target]
        elif target in ALLOWED or target == "package":
            allowed = target in {unit, *ALLOWED[unit]} or (target == "kernels" and unit != "kernels")
        else:
            allowed = True
        if not allowed:
            wrong.append(f"{module}: {unit} -> {target} ({name})")
    return wrong


def modules():
    """(dotted name, path, is it a package?) of every file in both package roots."""
    for folder in (ROOT / "minitorch_cv", ROOT / "kernels/minitorch_kernels"):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            yield ".".join(parts[:-1] if is_package else parts), path, is_package


MODULES = [pytest.param(*entry, id=entry[0]) for entry in modules() if entry[0] != "minitorch_cv"]


@pytest.mark.parametrize(("module", "path", "is_package"), MODULES)
def test_imports_follow_the_arrows(module, path, is_package):
    assert unit_of(module) in ALLOWED, f"{module} belongs to no unit; give it a place in FILES or ALLOWED"
    assert forbidden(module, path.read_text(encoding="utf-8"), is_package) == []


PLANTED = [
    ("minitorch_cv.tensor", "from .ops import add", "tensor -> ops"),
    ("minitorch_cv.tensor", "def f():\n    from . import nn", "tensor -> nn"),
    ("minitorch_cv.graph", "import minitorch_cv.optim", "tensor -> optim"),
    ("minitorch_cv.ops.conv", "from ..nn.functional import relu", "ops -> nn"),
    ("minitorch_cv.ops.conv", "import numba", "ops -> numba"),
    ("minitorch_cv.ops.conv", "from numba import njit", "ops -> numba"),
    ("minitorch_cv.nn.conv", "from .. import models", "nn -> models"),
    ("minitorch_cv.nn.conv", "from .. import __version__", "nn -> package"),
    ("minitorch_cv.nn.conv", "import cupy.cuda", "nn -> cupy"),
    ("minitorch_cv.optim.sgd", "from ..nn import Parameter", "optim -> nn"),
    ("minitorch_cv.data.loader", "from ..train import fit", "data -> train"),
    ("minitorch_cv.gradcheck.check", "from ..cli import main", "gradcheck -> cli"),
    ("minitorch_cv.models.lenet", "import torch", "models -> torch"),
    ("minitorch_kernels.conv2d", "from minitorch_cv.tensor import Tensor", "kernels -> tensor"),
    ("minitorch_kernels.conv2d", "import minitorch_cv", "kernels -> package"),
]


@pytest.mark.parametrize(("module", "source", "arrow"), PLANTED)
def test_a_planted_back_arrow_is_caught(module, source, arrow):
    assert [arrow in line for line in forbidden(module, source)] == [True]


def test_relative_imports_of_a_package_resolve_from_within():
    assert imported("minitorch_cv.nn", "from ..ops import relu\nfrom . import init", is_package=True) == {
        "minitorch_cv.ops.relu",
        "minitorch_cv.nn.init",
    }


def test_importing_the_package_is_light():
    """A newcomer's first import waits for no compiler, no plotting, no network library."""
    heavy = ["numba", "llvmlite", "matplotlib", "typer", "rich", "PIL", "pooch", "torch", "cupy", "safetensors", "tqdm"]
    heavy += ["onnx", "onnxruntime", "tensorboardX", "platformdirs", "subprocess", "concurrent.futures", "tarfile"]
    code = f"import sys, minitorch_cv; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
    assert run.stderr == ""


def test_one_import_reaches_everything():
    code = (
        "import minitorch_cv as torch; from minitorch_cv import nn; "
        "torch.nn.functional, torch.nn.init, torch.optim.SGD, torch.utils.data.DataLoader, torch.cuda.is_available, "
        "torch.models.lenet, torch.onnx.export, torch.data.DataLoader, "
        "torch.random, torch.Generator, torch.float32, torch.no_grad"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
