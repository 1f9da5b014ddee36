"""torchvision, for its networks and transforms in plain Python.

Its compiled operators (NMS and the like, which nothing here uses) exist for one build of PyTorch each; without them
the import would stop where it describes them to PyTorch, so that step is left out.
"""

import pytest

torch = pytest.importorskip("torch")


def without_compiled_operators(register):
    """torch.library.register_fake that passes over torchvision's own operators."""

    def register_fake(operator, *args, **kwargs):
        if str(operator).startswith("torchvision::"):
            return lambda function: function
        return register(operator, *args, **kwargs)

    return register_fake


with pytest.MonkeyPatch.context() as patch:
    patch.setattr(torch.library, "register_fake", without_compiled_operators(torch.library.register_fake))
    torchvision = pytest.importorskip("torchvision", exc_type=ImportError)
