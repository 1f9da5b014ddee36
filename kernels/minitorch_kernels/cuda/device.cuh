// What every kernel of this package may use besides CUDA's own language; included first in each .cu file.
//
// The same text is compiled by NVRTC or nvcc for a GPU, and by g++ with simulator.h for the CPU. REAL is float or double:
// each file is compiled once for each of the two.
#pragma once

#ifdef __CUDACC__

// An array in the GPU's memory, an argument of a kernel. On the simulator each access through it is checked.
template <class T> using Global = T* __restrict__;

// An array that the threads of a block share: SHARED(REAL, tile, 256);
#define SHARED(type, name, count) __shared__ type name[count]

#if __CUDA_ARCH__ >= 800
#define TENSOR_CORES

// x with 10 bits of mantissa: what the matrix instructions below read of it.
__device__ __forceinline__ float to_tf32(float x) {
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
}

// sums += a b by all lanes of a warp: 16 x 8 results of a 16 x 8 and an 8 x 8 factor. With row = lane / 4 and
// column = lane % 4 a lane holds a(row, column), a(row + 8, column), a(row, column + 4), a(row + 8, column + 4),
// b(column, row), b(column + 4, row), and the sums of row and row + 8 in columns 2 column and 2 column + 1.
__device__ __forceinline__ void multiply_tf32(float (&sums)[4], const float (&a)[4], const float (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}
#endif

#else
#include "simulator.h"
#endif

typedef long long Index;

// This thread among all of the launch, and their number: for (Index i = thread(); i < n; i += threads()) ...
__device__ __forceinline__ Index thread() { return (Index)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ Index threads() { return (Index)gridDim.x * blockDim.x; }

// The sum of `value` over the 32 threads of a warp, in each of them: halves are added to halves, always in this order.
template <class T> __device__ __forceinline__ T warp_sum(T value) {
    for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

// The product, rounded. Of a product and a sum nvcc makes one instruction with one rounding, where this is not used: too
// good where a result has to agree to the last bit.
__device__ __forceinline__ float rounded_product(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double rounded_product(double a, double b) { return __dmul_rn(a, b); }

// An array whose address stands in a table: `count` elements.
template <class T> __device__ __forceinline__ auto array_at(Index address, Index count) {
#ifdef __CUDACC__
    return reinterpret_cast<T*>(address);
#else
    return Global<T>{reinterpret_cast<T*>(address), 0, count};
#endif
}
