#include "device.cuh"

// y[r, start + c] = x[r, c]: x (rows, width) becomes some columns of y (rows, pitch).
//
// A block of 32 x 8 threads takes 8 rows at a time, and blockIdx.y a share of the columns.
extern "C" __global__ void put_columns(
    Global<const REAL> x, Global<REAL> y, Index rows, Index width, Index pitch, Index start
) {
    for (Index r = (Index)blockIdx.x * 8 + threadIdx.y; r < rows; r += (Index)gridDim.x * 8)
        for (Index c = (Index)blockIdx.y * 32 + threadIdx.x; c < width; c += (Index)gridDim.y * 32)
            y[r * pitch + start + c] = x[r * width + c];
}
