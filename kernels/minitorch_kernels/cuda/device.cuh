// What every kernel of this package may use besides CUDA's own language; included first in each .cu file.
//
// The same text is compiled by NVRTC or nvcc for a GPU, and by g++ with simulator.h for the CPU. REAL is float or double:
// each file is compiled once for each of the two.
#pragma once

#ifdef __CUDACC__

// An array in the GPU's memory, an argument of a kernel. On the simulator each access through it is checked.
template <class T> using Global = T* __restrict__;

// An array that the threads of a block share: SHARED(REAL, tile, 256);
#define SHARED(type, name, count) __shared__ __align__(16) type name[count]

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
