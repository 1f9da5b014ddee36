"""Module: a part of a network that owns parameters, buffers and other modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..compiled import Compiled
from ..device import usable
from ..dtypes import float16, float32, float64
from ..graph import no_grad
from ..listening import current, told, when_captured
from ..out_of_memory import OutOfMemoryError, explained
from ..tensor import RemovableHandle, Tensor, is_dtype
from . import hooks
from .parameter import Parameter, is_lazy
from .state import IncompatibleKeys, collect_state, load_state

REGISTRIES = {
    "_parameters": ("parameter", "nn.Parameter"),
    "_buffers": ("buffer", "Tensor"),
    "_modules": ("child module", "nn.Module"),
}


class Module:
    """A function with state: override `__init__` (build the parts) and `forward` (use them).

    Parameters and modules assigned as attributes are registered, and found by `parameters()`, `state_dict()` and so on;
    `register_buffer` adds state that is saved but not trained. A plain tensor stays a plain attribute.
    Source: Dive into Deep Learning, section 6.1.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _compiled: Compiled | None = None  # what calls run on after hybridize()

    def __init__(self) -> None:
        self.training = True
        self._parameters = {}
        self._buffers = {}
        self._non_persistent: set[str] = set()
        self._modules = {}
        self._forward_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._forward_hooks: OrderedDict[int, Any] = OrderedDict()
        self._backward_hooks: OrderedDict[int, Any] = OrderedDict()

    # `forward` takes what its author wants, so these two have to pass anything on.
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(); define what the module computes there")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current.recorder is not None:
            current.recorder.module(self)
        try:
            with_hooks = self._forward_pre_hooks or self._forward_hooks or self._backward_hooks
            return hooks.call(self, args, kwargs) if with_hooks else self._run(*args, **kwargs)
        except (MemoryError, OutOfMemoryError) as error:
            raise explained(error, self, args)  # noqa: B904 - the same one, or one that names its cause

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        if self._compiled is None:
            return self.forward(*args, **kwargs)
        return self._compiled(*args, **kwargs)

    def _forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)  # looked up at each call, as a lazy module gets another one

    def hybridize(self, active: bool = True) -> Module:
        """Record the forward pass as a flat list of operations, and replay that from then on; or, with False, no more.

        Numbers stay the same. There is a recording for each shape of the inputs, for training and for evaluation.
        `compile(step)` does the same for a whole training step. Source: Dive into Deep Learning, section 13.1.
        """
        self._compiled = Compiled(self._forward) if active else None
        return self

    # -- registering ---------------------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None reserves the name, and stays out of `parameters()` and `state_dict()`."""
        self._check_new_name("_parameters", "parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign {type(param).__name__!r} object to parameter {name!r} (nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"cannot assign a non-leaf tensor to parameter {name!r}: it was made by {param.grad_fn.name}; "
                "a parameter must be a leaf, so compute what depends on others in forward()"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is saved but not trained; persistent=False keeps it out of `state_dict()` too."""
        self._check_new_name("_buffers", "buffer", name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign {type(tensor).__name__!r} object to buffer {name!r} (Tensor or None required)"
            )
        self._buffers[name] = tensor
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under `name`."""
        self._check_new_name("_modules", "module", name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(
                f"{name!r}: {type(module).__name__} is not a Module; children must be nn.Module objects or None"
            )
        self._modules[name] = module

    register_module = add_module

    def _check_new_name(self, registry: str, kind: str, name: str) -> None:
        if registry not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call; begin with super().__init__()")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string, got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f"{kind} name {name!r} must not be empty or contain a dot")
        if name not in self.__dict__[registry] and hasattr(self, name):
            raise KeyError(f"attribute {name!r} already exists; choose another name for the {kind}")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._forget(name, except_in="_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_modules" not in self.__dict__:
                raise AttributeError(
                    "cannot assign module before Module.__init__() call; begin with super().__init__()"
                )
            self._forget(name, except_in="_modules")
            self._modules[name] = value
        elif (registry := self._registry_of(name)) is None:
            object.__setattr__(self, name, value)
        elif value is None or (registry == "_buffers" and isinstance(value, Tensor)):
            self.__dict__[registry][name] = value
        else:
            kind, wanted = REGISTRIES[registry]
            raise TypeError(f"cannot assign {type(value).__name__!r} as {kind} {name!r} ({wanted} or None expected)")

    def _registry_of(self, name: str) -> str | None:
        """Which of the registries holds `name`."""
        return next((registry for registry in REGISTRIES if name in self.__dict__.get(registry, ())), None)

    def _forget(self, name: str, except_in: str) -> None:
        """Make way for a new attribute; where the same kind stood under this name, it keeps its place in the order."""
        self.__dict__.pop(name, None)
        for registry in REGISTRIES:
            if registry != except_in:
                self.__dict__.get(registry, {}).pop(name, None)
        self.__dict__.get("_non_persistent", set()).discard(name)

    def __getattr__(self, name: str) -> Any:
        registry = self._registry_of(name)
        if registry is not None:
            return self.__dict__[registry][name]
        hint = (
            "" if "_modules" in self.__dict__ else "; Module.__init__() was not called: begin with super().__init__()"
        )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        registry = self._registry_of(name)
        if registry is None:
            object.__delattr__(self, name)
        else:
            del self.__dict__[registry][name]
            self._non_persistent.discard(name)

    def __dir__(self) -> list[str]:
        registered = [name for registry in REGISTRIES for name in self.__dict__.get(registry, {})]
        return sorted({*object.__dir__(self), *(name for name in registered if not name[0].isdigit())})

    # -- walking the tree ----------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their dotted names; one that is used twice comes once."""
        memo = set() if memo is None else memo
        if remove_duplicate and self in memo:
            return
        memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, joined(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, with their names."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below this one."""
        return (child for _, child in self.named_children())

    def _named_members(
        self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        seen: set[int] = set()
        for path, module in modules:
            for name, member in module.__dict__[registry].items():
                if member is None or (remove_duplicate and id(member) in seen):
                    continue
                seen.add(id(member))
                yield joined(path, name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names; one that is shared comes once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once, for the optimizer."""
        return (parameter for _, parameter in self.named_parameters("", recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their dotted names."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        return (buffer for _, buffer in self.named_buffers("", recurse))

    def get_submodule(self, target: str) -> Module:
        """The module under a dotted name such as "features.conv1"; "" is this module."""
        module = self
        for name in target.split(".") if target else ():
            found = getattr(module, name, None)
            if not isinstance(found, Module):
                raise AttributeError(f"{type(module).__name__} has no submodule {name!r} (looked for {target!r})")
            module = found
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter under a dotted name such as "features.conv1.weight"."""
        return self._get_member(target, "_parameters", "parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer under a dotted name such as "features.bn1.running_mean"."""
        return self._get_member(target, "_buffers", "buffer")

    def _get_member(self, target: str, registry: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = module.__dict__[registry].get(name)
        if found is None:
            raise AttributeError(f"{type(module).__name__} has no {kind} {name!r} (looked for {target!r})")
        return found

    # -- changing all of it --------------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call `fn` on every module below this one, then on this one: `net.apply(init_weights)`."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Module:
        """Switch this module and all below it to training (dropout drops, batch norm uses the batch), or off."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, got {mode!r}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Module:
        """Switch this module and all below it to inference."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Let gradients reach all parameters, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    @told
    @when_captured("gradients")
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero in place."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    def to(self, *args: Any, dtype: Any = None, device: Any = None) -> Module:
        """Move all parameters and buffers, in place, and convert the floating-point ones: `to("cuda")`, `to(float64)`.

        The parameters stay the same objects, so that an optimizer keeps hold of them. RuntimeError for a device that is
        not there.
        """
        for arg in args:
            if isinstance(arg, Tensor):
                dtype, device = arg.dtype, arg.device
            elif is_dtype(arg):
                dtype = arg
            elif not isinstance(arg, bool):  # a bare bool is torch's non_blocking
                device = arg
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise TypeError(f"Module.to({np.dtype(dtype)}): parameters need a floating-point dtype, such as float32")
        place = None if device is None else usable(device)
        for tensor in (*self.parameters(), *self.buffers()):
            if is_lazy(tensor):
                tensor.future_dtype = tensor.future_dtype if dtype is None else np.dtype(dtype)
                tensor.future_device = tensor.future_device if place is None else place
                continue
            for held in (tensor, tensor.grad):
                if held is not None:
                    held.data = held.data.to(dtype=dtype if held.is_floating_point() else None, device=place)
        return self

    def float(self) -> Module:
        """All floating-point parameters and buffers as float32."""
        return self.to(float32)

    def double(self) -> Module:
        """All floating-point parameters and buffers as float64."""
        return self.to(float64)

    def half(self) -> Module:
        """All floating-point parameters and buffers as float16."""
        return self.to(float16)

    def cpu(self) -> Module:
        """All parameters and buffers on the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Module:
        """All parameters and buffers on a GPU, by default the first. RuntimeError where there is none."""
        return self.to("cuda" if device is None else device)

    # -- saving and loading --------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """All parameters and persistent buffers by dotted name, sharing memory with the module.

        The tensors are detached unless keep_vars. A shared parameter appears under each of its names.
        """
        destination = OrderedDict() if destination is None else destination
        collect_state(self, destination, prefix, keep_vars)
        return destination

    @no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers, in place; returns the missing and the unexpected keys.

        RuntimeError that names the first keys that do not fit, and counts them; nothing is changed then. strict=False
        lets keys be missing or unexpected, but shapes must still agree.
        """
        return load_state(self, state_dict, strict)

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns, if not None, replaces the arguments.

        with_kwargs: `hook(module, args, kwargs)`, which returns None or both.
        """
        return hooks.add(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns, if not None, replaces the output.

        with_kwargs: `hook(module, args, kwargs, output)`.
        """
        return hooks.add(self._forward_hooks, (hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        Both are tuples, with None for what is no tensor or needs no gradient. What the hook returns, if not None,
        replaces grad_input. Where no input needs a gradient, the hook is called once grad_output is known.
        """
        return hooks.add(self._backward_hooks, hook, prepend)

    # -- text ----------------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's repr; override it to show settings."""
        return ""

    def _repr_children(self) -> list[str]:
        return [f"({name}): {child!r}" for name, child in self._modules.items()]

    def __repr__(self) -> str:
        settings = self.extra_repr()
        lines = settings.split("\n") if settings else []
        children = self._repr_children()
        if not children and len(lines) <= 1:
            return f"{type(self).__name__}({settings})"
        body = "\n".join([*lines, *children]).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


def joined(prefix: str, name: str) -> str:
    """A dotted name."""
    return f"{prefix}.{name}" if prefix else name
