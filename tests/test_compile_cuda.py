"""The report on compiled CUDA kernels: what it reads in the words of NVIDIA's assembler."""

from tools.compile_cuda import Kernel, kernels_of

SAID = """
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'forward' for 'sm_80'
ptxas info    : Function properties for forward
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 44 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function 'backward' for 'sm_80'
ptxas info    : Function properties for backward
    40 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers, 40 bytes cumulative stack size, 380 bytes cmem[0]
"""


def test_registers_shared_memory_and_what_lies_in_memory():
    assert kernels_of(SAID) == [Kernel("forward", 44, 1024, 0, 0), Kernel("backward", 255, 0, 40, 20)]


def test_an_error_of_the_compiler_has_no_kernels():
    assert kernels_of("relu.cu(3): error: identifier is undefined") == []
