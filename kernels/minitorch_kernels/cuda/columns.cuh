// Row-major matrices of which a thread keeps to one column: sums over rows, constants for each column. Included after
// device.cuh; columns.py has the grid.
#pragma once

// A block's threads over the columns of a row-major matrix (rows, C): neighbouring threads take neighbouring columns, and
// each stays in its column, whose constants it can keep. With less than 64 columns a block takes whole rows, else 32
// columns. blockIdx.x counts strips of columns, blockIdx.y shares of the rows; blocks have THREADS threads.
const int THREADS = 256;

struct Column {
    int width, height;  // of the block in columns and rows
    int slot, level;  // this thread in it
    int c;
    bool valid;  // does this thread have a column?

    __device__ __forceinline__ explicit Column(int C) {
        width = C < 64 ? C : 32;
        height = THREADS / width;
        slot = threadIdx.x % width;
        level = threadIdx.x / width;
        c = blockIdx.x * width + slot;
        valid = level < height && c < C;
    }
    __device__ __forceinline__ Index first_row() const { return (Index)blockIdx.y * height + level; }
    __device__ __forceinline__ Index row_step() const { return (Index)gridDim.y * height; }
};

// Sums of `count` values each, `stride` threads apart: in the thread of position 0 the sum over positions 0 .. count - 1,
// halves added to halves. All THREADS threads of the block call this; those of position -1 take no part.
__device__ __forceinline__ double fold(double value, int position, int stride, int count) {
    SHARED(double, values, THREADS);
    const int t = threadIdx.x;
    values[t] = value;
    __syncthreads();
    for (int n = count; n > 1; n = (n + 1) / 2) {
        const int half = (n + 1) / 2;
        if (position >= 0 && position < n - half) values[t] += values[t + half * stride];
        __syncthreads();
    }
    value = values[t];
    __syncthreads();
    return value;
}
