"""Hand-written kernels: arrays in, arrays out.

Each operation has a reference in plain NumPy and a fast version compiled by Numba, side by side in one file, joined by a
`Kernel`. Kernels know nothing of tensors or gradients' graphs.
"""

from .kernel import REGISTRY, Kernel, array_module, is_cupy, use

__all__ = ["REGISTRY", "Kernel", "array_module", "is_cupy", "use"]
