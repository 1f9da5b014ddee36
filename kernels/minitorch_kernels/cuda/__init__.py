"""CUDA kernels, run on a GPU or on a simulated one.

device.cuh     what every .cu file includes: the same names under nvcc, NVRTC and g++
columns.cuh    sums over the rows of a matrix, and threads that keep to a column of it
columns.py     the grid for these
signature.py   what the kernels of a file take: `launch` refuses arguments of another type
tiles.cuh      matrix products in tiles, for `matmul` and the convolutions; with
               copies.cuh (into shared memory), tensor_cores.cuh (matrix instructions), divisor.cuh (index arithmetic)
tiles.py       which tile serves which product
parts.py       long sums in parts, added in a fixed order
launch.py      `launch("relu.cu", "rectify", grid, block, x, y, n)`, and the grid for a number of elements
graph.py       work that is captured once and launched again as a whole
layout.py      channels-last storage
precision.py   whether factors of float32 may be rounded to TF32 or bfloat16
simulator.py   the simulated GPU: g++ compiles the .cu file, with simulator.h in the place of CUDA
"""
